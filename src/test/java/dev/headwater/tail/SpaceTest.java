package dev.headwater.tail;

import static dev.headwater.tail.GraphFixtures.ints;
import static java.util.Map.of;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.Ort;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Operators on maps, between two layers: as ONNX Runtime computes them, with their gradient. */
final class SpaceTest {
  private static final int CHANNELS = 4;

  static Stream<Arguments> convolutions() {
    return Stream.of(
        conv("3x3", of(), 3, 3),
        conv("3x3 padded", of("pads", l(1, 1, 1, 1)), 3, 3),
        conv("5x3 strided", of("pads", l(2, 1, 2, 1), "strides", l(2, 1)), 5, 3),
        conv("dilated", of("pads", l(2, 2, 2, 2), "dilations", l(2, 2)), 3, 3),
        conv("uneven pads", of("pads", l(0, 1, 2, 0), "strides", l(2, 2)), 3, 3),
        conv("SAME_UPPER", of("auto_pad", "SAME_UPPER", "strides", l(2, 2)), 3, 3),
        conv("SAME_LOWER", of("auto_pad", "SAME_LOWER", "strides", l(2, 2)), 2, 4),
        conv("VALID", of("auto_pad", "VALID"), 3, 2),
        map(
            "grouped",
            17,
            g -> g.weight("k", 6, CHANNELS / 2, 3, 3).node("Conv", "y", of("group", 2), "in", "k")),
        map(
            "depthwise",
            17,
            g ->
                g.weight("k", CHANNELS, 1, 3, 3)
                    .weight("b", CHANNELS)
                    .node(
                        "Conv", "y", of("group", CHANNELS, "pads", l(1, 1, 1, 1)), "in", "k", "b")),
        map(
            "bias added",
            17,
            g ->
                g.weight("k", 3, CHANNELS, 1, 1)
                    .weight("b", 1, 3, 1, 1)
                    .node("Conv", "c", "in", "k")
                    .node("Add", "y", "c", "b")),
        map(
            "1-d",
            17,
            g ->
                ints(g, "s", 0, CHANNELS, -1)
                    .weight("k", 3, CHANNELS, 5)
                    .node("Reshape", "r", "in", "s")
                    .node("Conv", "c", of("pads", l(2, 1), "strides", l(2)), "r", "k")
                    .node("Relu", "y", "c")),
        map(
            "3-d",
            17,
            g ->
                ints(g, "s", 0, 2, 2, 6, 7)
                    .weight("k", 3, 2, 2, 3, 3)
                    .node("Reshape", "r", "in", "s")
                    .node("Conv", "y", "r", "k")),
        transpose("2x2 stride 2", of("strides", l(2, 2)), 1, 2, 2),
        transpose(
            "3x3 padded",
            of("pads", l(1, 1, 1, 1), "strides", l(2, 2), "output_padding", l(1, 1)),
            1,
            3,
            3),
        transpose("grouped", of("group", 2), 2, 3, 3),
        transpose("dilated", of("dilations", l(2, 1), "strides", l(1, 3)), 1, 3, 2),
        transpose("4x4 stride 2", of("pads", l(1, 1, 1, 1), "strides", l(2, 2)), 1, 4, 4),
        transpose("uneven", of("pads", l(0, 1, 1, 0), "strides", l(2, 2)), 1, 3, 3),
        transpose("cropped", of("pads", l(2, 2, 2, 2), "strides", l(2, 2)), 1, 2, 2),
        transpose("SAME_UPPER", of("auto_pad", "SAME_UPPER", "strides", l(2, 2)), 1, 3, 3),
        transpose("output_shape", of("output_shape", l(12, 14), "strides", l(2, 2)), 1, 3, 3),
        transpose("wider than all", of("output_shape", l(14, 16), "strides", l(2, 2)), 1, 3, 3),
        transpose("SAME_UPPER, apart", of("auto_pad", "SAME_UPPER", "strides", l(3, 4)), 1, 2, 2),
        transpose("SAME_LOWER, apart", of("auto_pad", "SAME_LOWER", "strides", l(3, 1)), 1, 2, 2));
  }

  static Stream<Arguments> pools() {
    Stream<Arguments> windows =
        Stream.of("MaxPool", "AveragePool")
            .flatMap(
                op ->
                    Stream.of(
                        pool(op, "2x2", of("kernel_shape", l(2, 2), "strides", l(2, 2))),
                        pool(op, "3x2 stride 1", of("kernel_shape", l(3, 2))),
                        pool(
                            op,
                            "padded",
                            of("kernel_shape", l(3, 3), "strides", l(2, 2), "pads", l(1, 1, 1, 1))),
                        pool(
                            op,
                            "uneven",
                            of("kernel_shape", l(3, 3), "strides", l(2, 2), "pads", l(0, 1, 1, 0))),
                        pool(
                            op,
                            "ceil",
                            of("kernel_shape", l(2, 2), "strides", l(2, 2), "ceil_mode", 1)),
                        pool(
                            op,
                            "ceil padded",
                            of(
                                "kernel_shape",
                                l(3, 3),
                                "strides",
                                l(2, 2),
                                "pads",
                                l(1, 1, 1, 1),
                                "ceil_mode",
                                1)),
                        pool(
                            op,
                            "SAME_UPPER",
                            of(
                                "kernel_shape",
                                l(2, 2),
                                "strides",
                                l(2, 2),
                                "auto_pad",
                                "SAME_UPPER")),
                        pool(
                            op,
                            "SAME_LOWER",
                            of(
                                "kernel_shape",
                                l(3, 3),
                                "strides",
                                l(2, 2),
                                "auto_pad",
                                "SAME_LOWER"))));
    return Stream.concat(
        windows,
        Stream.of(
            pool(
                "MaxPool",
                "dilated",
                of(
                    "kernel_shape",
                    l(2, 3),
                    "strides",
                    l(1, 2),
                    "dilations",
                    l(2, 2),
                    "pads",
                    l(1, 1, 1, 1))),
            pool(
                "AveragePool",
                "counting",
                of(
                    "kernel_shape",
                    l(3, 3),
                    "strides",
                    l(2, 2),
                    "pads",
                    l(1, 1, 1, 1),
                    "count_include_pad",
                    1)),
            pool(
                "AveragePool",
                "counting, ceil",
                of(
                    "kernel_shape",
                    l(3, 3),
                    "strides",
                    l(2, 2),
                    "pads",
                    l(1, 1, 1, 1),
                    "count_include_pad",
                    1,
                    "ceil_mode",
                    1)),
            map(
                "AveragePool counting, ceil, opset 19",
                19,
                g ->
                    g.node(
                        "AveragePool",
                        "y",
                        of(
                            "kernel_shape",
                            l(3, 3),
                            "strides",
                            l(2, 2),
                            "pads",
                            l(1, 1, 1, 1),
                            "count_include_pad",
                            1,
                            "ceil_mode",
                            1),
                        "in")),
            map(
                "AveragePool dilated",
                19,
                g ->
                    g.node(
                        "AveragePool",
                        "y",
                        of(
                            "kernel_shape",
                            l(2, 3),
                            "strides",
                            l(1, 2),
                            "dilations",
                            l(2, 2),
                            "pads",
                            l(1, 1, 1, 1)),
                        "in")),
            map("GlobalAveragePool", 17, g -> g.node("GlobalAveragePool", "y", "in")),
            map("GlobalMaxPool", 17, g -> g.node("GlobalMaxPool", "y", "in")),
            map(
                "MaxPool 1-d",
                17,
                g ->
                    ints(g, "s", 0, CHANNELS, -1)
                        .node("Reshape", "r", "in", "s")
                        .node("MaxPool", "y", of("kernel_shape", l(3), "strides", l(2)), "r"))));
  }

  static Stream<Arguments> resizes() {
    Stream<Arguments> modes =
        Stream.of("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
            .flatMap(
                t ->
                    Stream.of("nearest", "linear", "cubic")
                        .flatMap(
                            mode ->
                                Stream.of(
                                    scales(
                                        mode + " " + t + " up",
                                        of("mode", mode, "coordinate_transformation_mode", t),
                                        1,
                                        1,
                                        2,
                                        2),
                                    scales(
                                        mode + " " + t + " by 1.5",
                                        of("mode", mode, "coordinate_transformation_mode", t),
                                        1,
                                        1,
                                        1.5f,
                                        1.4f),
                                    sizes(
                                        mode + " " + t + " to sizes",
                                        of("mode", mode, "coordinate_transformation_mode", t),
                                        4,
                                        9))));
    Stream<Arguments> rounding =
        Stream.of("floor", "ceil", "round_prefer_ceil", "round_prefer_floor")
            .map(
                r ->
                    scales(
                        "nearest " + r,
                        of(
                            "mode",
                            "nearest",
                            "nearest_mode",
                            r,
                            "coordinate_transformation_mode",
                            "asymmetric"),
                        1,
                        1,
                        2,
                        1.5f));
    Stream<Arguments> inexact = // in float64 each would round to another place
        Stream.of(
            nearest("floor", "asymmetric", 1.2f),
            nearest("round_prefer_ceil", "asymmetric", 0.8f),
            nearest("ceil", "asymmetric", 1.8f),
            nearest("floor", "half_pixel", 0.6f),
            nearest("round_prefer_ceil", "half_pixel", 1.7f),
            nearest("round_prefer_floor", "half_pixel", 0.7f),
            nearest("ceil", "half_pixel", 1.4f),
            nearest("round_prefer_ceil", "half_pixel_symmetric", 1.6f),
            nearest("round_prefer_floor", "half_pixel_symmetric", 2.8f),
            sizes(
                "nearest floor half_pixel_symmetric",
                of(
                    "mode",
                    "nearest",
                    "nearest_mode",
                    "floor",
                    "coordinate_transformation_mode",
                    "half_pixel_symmetric"),
                2,
                3));
    return Stream.of(
            modes,
            rounding,
            inexact,
            Stream.of(
                scales(
                    "nearest, as torch",
                    of(
                        "mode",
                        "nearest",
                        "nearest_mode",
                        "floor",
                        "coordinate_transformation_mode",
                        "asymmetric"),
                    1,
                    1,
                    2,
                    2),
                map(
                    "nearest as TensorFlow's",
                    11,
                    g ->
                        g.tensor(GraphFixtures.floats("roi"))
                            .tensor(GraphFixtures.floats("s", 1, 1, 2, 1.5f))
                            .node(
                                "Resize",
                                "y",
                                of(
                                    "mode",
                                    "nearest",
                                    "nearest_mode",
                                    "floor",
                                    "coordinate_transformation_mode",
                                    "tf_half_pixel_for_nn"),
                                "in",
                                "roi",
                                "s")),
                scales("down", of("mode", "linear"), 1, 1, 0.5f, 0.5f),
                scales("to the same size", of("mode", "linear"), 1, 1, 1.1f, 1.1f),
                scales(
                    "cubic without outside",
                    of("mode", "cubic", "exclude_outside", 1, "cubic_coeff_a", -0.5f),
                    1,
                    1,
                    2,
                    2),
                scales(
                    "symmetric",
                    of("mode", "linear", "coordinate_transformation_mode", "half_pixel_symmetric"),
                    1,
                    1,
                    1.3f,
                    1.3f),
                sizes(
                    "to one pixel",
                    of("mode", "linear", "coordinate_transformation_mode", "pytorch_half_pixel"),
                    1,
                    1),
                map(
                    "axes",
                    18,
                    g ->
                        g.tensor(GraphFixtures.floats("s", 2, 3))
                            .node(
                                "Resize",
                                "y",
                                of("axes", l(2, -1), "mode", "linear"),
                                "in",
                                "",
                                "s")),
                map(
                    "not larger",
                    18,
                    g ->
                        ints(g, "n", 5, 9)
                            .node(
                                "Resize",
                                "y",
                                of(
                                    "axes",
                                    l(2, 3),
                                    "keep_aspect_ratio_policy",
                                    "not_larger",
                                    "mode",
                                    "linear"),
                                "in",
                                "",
                                "",
                                "n")),
                map(
                    "opset 10",
                    10,
                    g ->
                        g.tensor(GraphFixtures.floats("s", 1, 1, 2, 2))
                            .node("Resize", "y", of("mode", "linear"), "in", "s")),
                map(
                    "opset 10, smaller",
                    10,
                    g ->
                        g.tensor(GraphFixtures.floats("s", 1, 1, 0.5f, 0.6f))
                            .node("Resize", "y", of("mode", "nearest"), "in", "s")),
                map(
                    "Upsample 7",
                    7,
                    g ->
                        g.node(
                            "Upsample",
                            "y",
                            of("mode", "nearest", "scales", new float[] {1, 1, 2, 2}),
                            "in")),
                map(
                    "Upsample 9",
                    9,
                    g ->
                        g.tensor(GraphFixtures.floats("s", 1, 1, 2, 2))
                            .node("Upsample", "y", of("mode", "linear"), "in", "s")),
                map(
                    "sizes computed",
                    13,
                    g ->
                        ints(ints(ints(g, "two", 2), "z", 0), "rest", 11, 13)
                            .node("Shape", "sh", "in")
                            .node("Slice", "n", "sh", "z", "two")
                            .node("Concat", "c", of("axis", 0), "n", "rest")
                            .node(
                                "Resize",
                                "y",
                                of(
                                    "mode",
                                    "linear",
                                    "coordinate_transformation_mode",
                                    "half_pixel"),
                                "in",
                                "",
                                "",
                                "c"))))
        .flatMap(s -> s);
  }

  static Stream<Arguments> others() {
    return Stream.of(
        map(
            "BatchNormalization",
            15,
            g ->
                norm(g)
                    .tensor(GraphFixtures.positive("v", CHANNELS))
                    .weight("m", CHANNELS)
                    .node("BatchNormalization", "y", "in", "g", "b", "m", "v")),
        map(
            "BatchNormalization, opset 7",
            7,
            g ->
                norm(g)
                    .tensor(GraphFixtures.positive("v", CHANNELS))
                    .weight("m", CHANNELS)
                    .node("BatchNormalization", "y", "in", "g", "b", "m", "v")),
        map(
            "InstanceNormalization",
            17,
            g -> norm(g).node("InstanceNormalization", "n", "in", "g", "b").node("Tanh", "y", "n")),
        map(
            "GroupNormalization",
            21,
            g ->
                norm(g)
                    .node("GroupNormalization", "n", of("num_groups", 2), "in", "g", "b")
                    .node("Tanh", "y", "n")),
        map(
            "GroupNorm as torch writes it",
            17,
            g ->
                ints(g, "s", 0, 2, -1)
                    .tensor(GraphFixtures.floats("ones", 1, 1))
                    .tensor(GraphFixtures.floats("zeros", 0, 0))
                    .weight("g", CHANNELS, 1, 1)
                    .weight("b", CHANNELS, 1, 1)
                    .node("Shape", "sh", "in")
                    .node("Reshape", "r", "in", "s")
                    .node("InstanceNormalization", "i", "r", "ones", "zeros")
                    .node("Reshape", "j", "i", "sh")
                    .node("Mul", "k", "j", "g")
                    .node("Add", "l", "k", "b")
                    .node("Tanh", "y", "l")),
        map(
            "LayerNormalization over a map",
            17,
            g ->
                g.weight("g", CHANNELS, 6, 7)
                    .node("LayerNormalization", "n", of("axis", 1), "in", "g")
                    .node("Tanh", "y", "n")),
        map(
            "channels last",
            20,
            g ->
                norm(g)
                    .node("Transpose", "t", of("perm", l(0, 2, 3, 1)), "in")
                    .node("LayerNormalization", "n", "t", "g", "b")
                    .node("Transpose", "u", of("perm", l(0, 3, 1, 2)), "n")
                    .node("Gelu", "y", "u")),
        map(
            "Concat, skip",
            17,
            g -> g.node("Tanh", "t", "in").node("Concat", "y", of("axis", 1), "t", "in")),
        map("PRelu", 17, g -> g.weight("s", CHANNELS, 1, 1).node("PRelu", "y", "in", "s")),
        map(
            "squeeze and excite",
            17,
            g ->
                g.weight("k", CHANNELS, CHANNELS, 1, 1)
                    .node("ReduceMean", "m", of("axes", l(2, 3), "keepdims", 1), "in")
                    .node("Conv", "c", "m", "k")
                    .node("HardSigmoid", "s", "c")
                    .node("Mul", "y", "in", "s")),
        map("Softmax, opset 11", 11, g -> g.node("Softmax", "y", of("axis", 2), "in")),
        map("Softmax over channels", 13, g -> g.node("Softmax", "y", of("axis", 1), "in")),
        map("DepthToSpace", 13, g -> g.node("DepthToSpace", "y", of("blocksize", 2), "in")),
        map(
            "DepthToSpace CRD",
            13,
            g -> g.node("DepthToSpace", "y", of("blocksize", 2, "mode", "CRD"), "in")),
        map(
            "SpaceToDepth",
            13,
            g ->
                ints(g, "p", 0, 0, 0, 0, 0, 0, 0, 1)
                    .node("Pad", "even", "in", "p")
                    .node("SpaceToDepth", "y", of("blocksize", 2), "even")),
        map(
            "Pad",
            13,
            g ->
                ints(g, "p", 0, 0, 1, 2, 0, 0, 0, 1)
                    .scalar("v", 0.3f)
                    .node("Pad", "y", "in", "p", "v")),
        map(
            "Pad, opset 7",
            7,
            g -> g.node("Pad", "y", of("pads", l(0, 0, 1, 2, 0, 0, 0, 1), "value", 0.7f), "in")),
        map(
            "Pad reflect",
            13,
            g ->
                ints(g, "p", 0, 0, 1, 2, 0, 0, 3, 1)
                    .node("Pad", "y", of("mode", "reflect"), "in", "p")),
        map(
            "Pad edge",
            13,
            g ->
                ints(g, "p", 0, 0, 1, 2, 0, 0, 3, 1)
                    .node("Pad", "y", of("mode", "edge"), "in", "p")),
        map(
            "Pad wrap",
            19,
            g ->
                ints(g, "p", 0, 0, 1, 2, 0, 0, 3, 1)
                    .node("Pad", "y", of("mode", "wrap"), "in", "p")),
        map(
            "Pad wrap, and crop",
            19,
            g ->
                ints(g, "p", 0, 0, 1, -2, 0, 0, -3, 2)
                    .node("Pad", "y", of("mode", "wrap"), "in", "p")),
        map(
            "Pad by axes",
            18,
            g -> ints(ints(g, "p", 1, 2, 0, 1), "ax", 2, -1).node("Pad", "y", "in", "p", "", "ax")),
        map("crop", 13, g -> ints(g, "p", 0, 0, -1, 0, 0, 0, 0, -2).node("Pad", "y", "in", "p")));
  }

  private static GraphFixture norm(GraphFixture graph) {
    return graph.weight("g", CHANNELS).weight("b", CHANNELS);
  }

  private static Arguments conv(String name, Map<String, Object> attributes, long... kernel) {
    return map(
        "Conv " + name,
        17,
        g ->
            g.weight("k", 3, CHANNELS, kernel[0], kernel[1])
                .weight("b", 3)
                .node("Conv", "y", with(attributes, "kernel_shape", kernel), "in", "k", "b"));
  }

  private static Arguments transpose(
      String name, Map<String, Object> attributes, int groups, long... kernel) {
    return map(
        "ConvTranspose " + name,
        17,
        g ->
            g.weight("k", CHANNELS, 6 / groups, kernel[0], kernel[1])
                .weight("b", 6)
                .node(
                    "ConvTranspose",
                    "y",
                    with(attributes, "kernel_shape", kernel),
                    "in",
                    "k",
                    "b"));
  }

  private static Arguments pool(String op, String name, Map<String, Object> attributes) {
    return map(op + " " + name, 17, g -> g.node(op, "y", attributes, "in"));
  }

  private static Arguments scales(String name, Map<String, Object> attributes, float... scales) {
    return map(
        "Resize " + name,
        17,
        g ->
            g.tensor(GraphFixtures.floats("s", scales))
                .node("Resize", "y", attributes, "in", "", "s"));
  }

  private static Arguments nearest(String rounding, String transformation, float scale) {
    return scales(
        "nearest %s %s by %s".formatted(rounding, transformation, scale),
        of(
            "mode",
            "nearest",
            "nearest_mode",
            rounding,
            "coordinate_transformation_mode",
            transformation),
        1,
        1,
        scale,
        scale);
  }

  private static Arguments sizes(String name, Map<String, Object> attributes, long... sizes) {
    return map(
        "Resize " + name,
        17,
        g ->
            ints(g, "n", 2, CHANNELS, sizes[0], sizes[1])
                .node("Resize", "y", attributes, "in", "", "", "n"));
  }

  private static Map<String, Object> with(Map<String, Object> map, String key, Object value) {
    Map<String, Object> more = new HashMap<>(map);
    more.put(key, value);
    return more;
  }

  private static long[] l(long... values) {
    return values;
  }

  /** x [N, 2, 6, 7] → 1×1 Conv → in [N, 4, 6, 7] → the operator → y → one more layer. */
  private static Arguments map(String name, long opset, UnaryOperator<GraphFixture> operator) {
    GraphFixture graph =
        GraphFixture.opset(opset)
            .input("x", -1, 2, 6, 7)
            .weight("w1", CHANNELS, 2, 1, 1)
            .weight("b1", CHANNELS)
            .node("Conv", "in", "x", "w1", "b1");
    byte[] model =
        operator
            .apply(graph)
            .integers("flat", DataType.INT64, new long[] {4}, 0, 1, -1, 1)
            .weight("w2", 2, 1, 1, 1)
            .node("Reshape", "rows", "y", "flat")
            .node("Conv", "logits", "rows", "w2")
            .output("logits", -1, 2, -1, 1)
            .bytes();
    return Arguments.of(name, model);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"convolutions", "pools", "resizes", "others"})
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(3, 2, 2, 6, 7));
    try (Rebuilt rebuilt = new Rebuilt(model, "x", inputs)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }
}
