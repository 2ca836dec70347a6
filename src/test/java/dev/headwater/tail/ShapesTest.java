package dev.headwater.tail;

import static dev.headwater.tail.GraphFixtures.DIM;
import static dev.headwater.tail.GraphFixtures.flat;
import static dev.headwater.tail.GraphFixtures.ints;
import static java.util.Map.of;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Operators that move, choose, sum up and multiply along axes: as in {@link OperatorsTest}. */
final class ShapesTest {
  static Stream<Arguments> shapes() {
    return Stream.of(
        flat(
            "Reshape",
            13,
            g -> ints(g, "s", -1, 3, 4).node("Reshape", "r", "in", "s").node("Flatten", "y", "r")),
        flat(
            "Reshape with 0",
            14,
            g ->
                ints(ints(g, "s", 0, 3, -1), "t", 0, -1)
                    .node("Reshape", "r", of("allowzero", 0), "in", "s")
                    .node("Reshape", "y", "r", "t")),
        flat(
            "Flatten axis",
            13,
            g ->
                ints(g, "s", 0, 3, 2, 2)
                    .node("Reshape", "r", "in", "s")
                    .node("Flatten", "f", of("axis", -1), "r")
                    .node("Flatten", "h", of("axis", 0), "f")
                    .node("Shape", "n", "in")
                    .node("Reshape", "y", "h", "n")),
        flat(
            "view(x.size(0), -1)",
            13,
            g ->
                ints(ints(ints(g, "s", 0, 3, 2, 2), "ax", 0), "rest", -1)
                    .integers("zero", DataType.INT64, new long[0], 0)
                    .node("Reshape", "r", "in", "s")
                    .node("Shape", "sh", "r")
                    .node("Gather", "n", "sh", "zero")
                    .node("Unsqueeze", "u", "n", "ax")
                    .node("Concat", "c", of("axis", 0), "u", "rest")
                    .node("Reshape", "y", "r", "c")),
        flat(
            "view(x.size(0), -1), opset 11",
            11,
            g ->
                ints(ints(g, "s", 0, 3, 2, 2), "rest", -1)
                    .integers("zero", DataType.INT64, new long[0], 0)
                    .node("Reshape", "r", "in", "s")
                    .node("Shape", "sh", "r")
                    .node("Gather", "n", "sh", "zero")
                    .node("Unsqueeze", "u", of("axes", new long[] {0}), "n")
                    .node("Concat", "c", of("axis", 0), "u", "rest")
                    .node("Reshape", "y", "r", "c")),
        flat(
            "Unsqueeze, Squeeze by attribute",
            11,
            g ->
                g.node("Unsqueeze", "u", of("axes", new long[] {1, 3}), "in")
                    .node("Tanh", "t", "u")
                    .node("Squeeze", "y", of("axes", new long[] {1, 3}), "t")),
        flat(
            "Unsqueeze, Squeeze by input",
            13,
            g ->
                ints(ints(g, "a", -1, 1), "b", 1, -1)
                    .node("Unsqueeze", "u", "in", "a")
                    .node("Tanh", "t", "u")
                    .node("Squeeze", "y", "t", "b")),
        flat(
            "Transpose",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "f", 0, 12)
                    .node("Reshape", "r", "in", "s")
                    .node("Transpose", "t", of("perm", new long[] {0, 2, 1}), "r")
                    .node("Reshape", "y", "t", "f")),
        flat(
            "Gather a place",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "e", 1, DIM)
                    .integers("i", DataType.INT64, new long[0], -1)
                    .node("Reshape", "r", "in", "s")
                    .node("Gather", "g", of("axis", 1), "r", "i")
                    .node("Concat", "y", of("axis", -1), "g", "g", "g")),
        flat(
            "Gather places",
            13,
            g ->
                ints(ints(g, "i", 3, 0, -1, 3), "j", 1, 2, 5, 7, 0, 0, 9, 1)
                    .node("Gather", "a", of("axis", 1), "in", "i")
                    .node("Gather", "b", of("axis", 1), "in", "j")
                    .node("Concat", "y", of("axis", 1), "a", "b")),
        flat(
            "Gather a table of places",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, 6}, 0, 3, 5, 11, 7, 2)
                    .node("Gather", "a", of("axis", 1), "in", "i")
                    .node("Flatten", "y", "a")),
        flat(
            "GatherElements",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, DIM}, 0, 1, -1)
                    .node("GatherElements", "y", of("axis", 1), "in", "i")),
        flat(
            "Slice by attributes",
            9,
            g ->
                g.node(
                        "Slice",
                        "a",
                        of(
                            "axes",
                            new long[] {1},
                            "starts",
                            new long[] {2},
                            "ends",
                            new long[] {8}),
                        "in")
                    .node("Concat", "y", of("axis", 1), "a", "a")),
        flat(
            "Slice by inputs",
            13,
            g ->
                ints(ints(ints(ints(g, "from", 1, -3), "to", 100, -99), "ax", 1, 0), "step", 2, -1)
                    .node("Slice", "a", "in", "from", "to", "ax", "step")
                    .node("Concat", "y", of("axis", 1), "a", "a")),
        flat(
            "Slice backwards",
            13,
            g ->
                ints(ints(ints(ints(g, "from", -1), "to", Long.MIN_VALUE + 1), "ax", 1), "step", -1)
                    .node("Slice", "y", "in", "from", "to", "ax", "step")),
        flat(
            "Split by attribute",
            11,
            g ->
                g.node("Split", "a,b", of("axis", 1, "split", new long[] {4, 8}), "in")
                    .node("Concat", "y", of("axis", 1), "b", "a")),
        flat(
            "Split by input",
            13,
            g ->
                ints(g, "n", 4, 8)
                    .node("Split", "a,b", of("axis", 1), "in", "n")
                    .node("Concat", "y", of("axis", 1), "b", "a")),
        flat(
            "Split evenly",
            18,
            g ->
                g.node("Split", "a,b,c", of("axis", -1, "num_outputs", 3), "in")
                    .node("Mul", "ab", "a", "b")
                    .node("Concat", "y", of("axis", 1), "ab", "c", "a")),
        flat(
            "Expand",
            13,
            g ->
                ints(ints(ints(g, "s", 2, 1, 3, 1), "first", 0), "ax", 1)
                    .integers("axes", DataType.INT64, new long[] {2}, 0, 2)
                    .node("Unsqueeze", "u", "in", "ax")
                    .node("Expand", "e", "u", "s")
                    .node("ReduceSum", "y", of("keepdims", 0), "e", "axes")),
        flat(
            "Tile",
            13,
            g ->
                ints(g, "n", 1, 2)
                    .node("Tile", "t", "in", "n")
                    .node("Split", "a,b", of("axis", 1), "t")
                    .node("Mul", "y", "a", "b")),
        flat(
            "shape arithmetic",
            13,
            g ->
                ints(ints(ints(ints(g, "one", 1), "z", 0), "rest", -1), "three", 3)
                    .scalar("half", 0.5f)
                    .integers("col", DataType.INT64, new long[0], 1)
                    .node("Shape", "sh", "in")
                    .node("Gather", "w", of("axis", 0), "sh", "one")
                    .node("Cast", "wf", of("to", 1), "w")
                    .node("Mul", "hf", "wf", "half")
                    .node("Floor", "fl", "hf")
                    .node("Cast", "h", of("to", 7), "fl")
                    .node("Slice", "n", "sh", "z", "one")
                    .node("Concat", "s", of("axis", 0), "n", "h", "rest")
                    .node("ConstantOfShape", "ones", of("value", GraphFixtures.one(1)), "three")
                    .node("Mul", "s1", "s", "ones")
                    .node("Equal", "eq", "s", "rest")
                    .node("Where", "s2", "eq", "s", "s1")
                    .node("Reshape", "r", "in", "s2")
                    .node("Flatten", "y", "r")),
        flat(
            "Range",
            13,
            g ->
                g.integers("a", DataType.INT64, new long[0], 2)
                    .integers("b", DataType.INT64, new long[0], 14)
                    .integers("c", DataType.INT64, new long[0], 1)
                    .node("Range", "i", "a", "b", "c")
                    .node("Cast", "f", of("to", 1), "i")
                    .node("Mul", "y", "in", "f")),
        flat(
            "Size",
            13,
            g ->
                g.node("Size", "n", "in")
                    .node("Cast", "f", of("to", 1), "n")
                    .node("Div", "y", "in", "f")),
        flat("ReduceMean by attribute", 13, g -> reduced(g, "ReduceMean", true)),
        flat(
            "ReduceMean of integers",
            13,
            g ->
                g.integers("n", DataType.INT32, new long[] {2, DIM, 3}, -7, 3, -4, 5)
                    .node("ReduceMean", "m", of("axes", new long[] {0, 2}, "keepdims", 0), "n")
                    .node("Cast", "f", of("to", 1), "m")
                    .node("Add", "y", "in", "f")),
        flat("ReduceMean by input", 18, g -> reduced(g, "ReduceMean", false)),
        flat("ReduceSum by attribute", 11, g -> reduced(g, "ReduceSum", true)),
        flat("ReduceSum by input", 13, g -> reduced(g, "ReduceSum", false)),
        flat("ReduceMax", 13, g -> reduced(g, "ReduceMax", true)),
        flat("ReduceMin", 18, g -> reduced(g, "ReduceMin", false)),
        flat("ReduceL1", 13, g -> reduced(g, "ReduceL1", true)),
        flat("ReduceL2", 13, g -> reduced(g, "ReduceL2", true)),
        flat("ReduceSumSquare", 13, g -> reduced(g, "ReduceSumSquare", true)),
        flat("ReduceSum of nothing", 18, g -> reducedByNothing(g, "ReduceSum")),
        flat("ReduceL1 of nothing", 18, g -> reducedByNothing(g, "ReduceL1")),
        flat("ReduceL2 of nothing", 18, g -> reducedByNothing(g, "ReduceL2")),
        flat("ReduceSumSquare of nothing", 18, g -> reducedByNothing(g, "ReduceSumSquare")),
        flat("ReduceLogSumExp", 13, g -> reduced(g, "ReduceLogSumExp", true)),
        flat(
            "ReduceLogSum",
            13,
            g ->
                g.node("Exp", "e", "in")
                    .node("ReduceLogSum", "m", of("axes", new long[] {1}), "e")
                    .node("Mul", "y", "in", "m")),
        flat("ReduceProd", 13, g -> reduced(g, "ReduceProd", true)),
        flat(
            "ReduceMean of all",
            13,
            g -> g.node("ReduceMean", "m", of("keepdims", 0), "in").node("Mul", "y", "in", "m")),
        flat(
            "MatMul of batches",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "f", 0, DIM)
                    .weight("q", 2, 4, 4)
                    .node("Reshape", "r", "in", "s")
                    .integers("ax", DataType.INT64, new long[] {1}, 1)
                    .node("Unsqueeze", "u", "r", "ax")
                    .node("MatMul", "m", "u", "q")
                    .integers("ra", DataType.INT64, new long[] {1}, 1)
                    .node("ReduceSum", "z", of("keepdims", 0), "m", "ra")
                    .node("Reshape", "y", "z", "f")));
  }

  static Stream<Arguments> places() {
    return Stream.of(
        flat(
            "GatherND of rows",
            13,
            g ->
                ints(g, "s", 6, 4)
                    .integers("i", DataType.INT64, new long[] {6, 1}, 3, 0, -1, 3, 2, 5)
                    .node("Reshape", "r", "in", "s")
                    .node("GatherND", "a", "r", "i")
                    .node("Shape", "back", "in")
                    .node("Reshape", "y", "a", "back")),
        flat(
            "GatherND of numbers",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, 3, 2}, 1, 4, 0, -1, -2, 3)
                    .node("GatherND", "a", "in", "i")
                    .node("ReduceSum", "s", of("keepdims", 0), "a")
                    .node("Mul", "y", "in", "s")),
        flat(
            "GatherND in batches",
            13,
            g ->
                ints(g, "s", 2, 3, 4)
                    .integers("i", DataType.INT64, new long[] {2, 3, 1}, 2, 0, -1, 1, 2)
                    .node("Reshape", "r", "in", "s")
                    .node("GatherND", "a", of("batch_dims", 1), "r", "i")
                    .node("Flatten", "y", "a")),
        flat(
            "ScatterND",
            16,
            g ->
                g.integers("i", DataType.INT64, new long[] {3, 2}, 0, 4, 1, -1, 1, 2)
                    .integers("j", DataType.INT64, new long[] {1, 1}, 1)
                    .integers("k", DataType.INT64, new long[] {1}, 0)
                    .weight("u", 3)
                    .node("Tanh", "t", "in")
                    .node("Gather", "row", "t", "k")
                    .node("ScatterND", "a", "in", "i", "u")
                    .node("Tanh", "b", "a")
                    .node("ScatterND", "c", "b", "j", "row")
                    .node("Mul", "y", "c", "in")),
        flat(
            "ScatterElements",
            16,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, 3}, 3, 0, -1, 5, 2, 7)
                    .integers("some", DataType.INT64, new long[] {3}, 1, 2, 3)
                    .node("Tanh", "t", "in")
                    .node("Gather", "u", of("axis", 1), "t", "some")
                    .node("ScatterElements", "y", of("axis", 1), "in", "i", "u")),
        flat(
            "Scatter",
            10,
            g ->
                g.integers("i", DataType.INT64, new long[] {1, 3}, 1, 0, 1)
                    .weight("u", 1, 3)
                    .node("Scatter", "y", "in", "i", "u")),
        flat("ArgMax", 13, g -> found(g, "ArgMax", of("axis", 1, "keepdims", 0))),
        flat("ArgMax, last", 13, g -> found(g, "ArgMax", of("axis", -1, "select_last_index", 1))),
        flat("ArgMin", 13, g -> found(g, "ArgMin", of("axis", 1))),
        flat(
            "TopK",
            11,
            g ->
                ints(g, "k", 4)
                    .node("TopK", "v,i", of("axis", 1), "in", "k")
                    .node("TopK", "w,j", of("axis", 1, "largest", 0), "in", "k")
                    .node("Cast", "f", of("to", 1), "j")
                    .node("Mul", "m", "w", "f")
                    .node("Concat", "y", of("axis", 1), "v", "m", "w")),
        flat("TopK of ties", 11, g -> ties(g, 1)),
        flat("TopK of ties, the smallest", 11, g -> ties(g, 0)),
        flat(
            "OneHot",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2}, 3, -1)
                    .integers("depth", DataType.INT64, new long[] {1}, DIM)
                    .tensor(GraphFixtures.floats("values", -0.5f, 2f))
                    .node("OneHot", "a", "i", "depth", "values")
                    .node("OneHot", "b", of("axis", 0), "i", "depth", "values")
                    .node("Transpose", "c", "b")
                    .node("Mul", "d", "a", "c")
                    .node("Mul", "y", "in", "d")),
        flat("CumSum", 14, g -> cumulated(g, of())),
        flat("CumSum before", 14, g -> cumulated(g, of("exclusive", 1))),
        flat("CumSum backwards", 14, g -> cumulated(g, of("reverse", 1, "exclusive", 1))),
        flat("CumSum before what is large", 14, g -> large(g, DIM - 1, of("exclusive", 1))),
        flat(
            "CumSum backwards before what is large",
            14,
            g -> large(g, 0, of("reverse", 1, "exclusive", 1))),
        flat("Trilu", 14, g -> triangle(g, of())),
        flat("Trilu below", 14, g -> triangle(g, of("upper", 0), "k")));
  }

  private static GraphFixture found(GraphFixture g, String op, Map<String, Object> attributes) {
    return ints(g, "column", -1, 1)
        .node(op, "i", attributes, "in")
        .node("Cast", "f", of("to", 1), "i")
        .node("Reshape", "c", "f", "column")
        .node("Mul", "y", "in", "c");
  }

  private static GraphFixture cumulated(GraphFixture g, Map<String, Object> attributes) {
    return cumulated(g, attributes, "in");
  }

  private static GraphFixture cumulated(
      GraphFixture g, Map<String, Object> attributes, String values) {
    return g.integers("axis", DataType.INT64, new long[0], 1)
        .node("CumSum", "y", attributes, values, "axis");
  }

  /** What is summed last outweighs the rest, in which it must leave no trace. */
  private static GraphFixture large(GraphFixture g, int last, Map<String, Object> attributes) {
    float[] each = new float[DIM];
    Arrays.fill(each, 1);
    each[last] = 1e8f;
    g.tensor(GraphFixtures.floats("each", each)).node("Mul", "weighed", "in", "each");
    return cumulated(g, attributes, "weighed");
  }

  /** What is equal after the Relu is not before it, so that the places tell. */
  private static GraphFixture ties(GraphFixture g, int largest) {
    return ints(g, "k", DIM)
        .node("Relu", "r", "in")
        .node("TopK", "v,i", of("axis", 1, "largest", largest), "r", "k")
        .node("GatherElements", "e", of("axis", 1), "in", "i")
        .node("Add", "y", "e", "v");
  }

  private static GraphFixture triangle(
      GraphFixture g, Map<String, Object> attributes, String... more) {
    String[] inputs = Stream.concat(Stream.of("r"), Stream.of(more)).toArray(String[]::new);
    return ints(ints(g, "s", 0, 3, 4), "f", 0, DIM)
        .integers("k", DataType.INT64, new long[0], -1)
        .node("Reshape", "r", "in", "s")
        .node("Trilu", "t", attributes, inputs)
        .node("Reshape", "y", "t", "f");
  }

  /** Over two axes, not kept, and back to the first layer's width by multiplying. */
  private static GraphFixture reduced(GraphFixture g, String op, boolean attribute) {
    ints(ints(g, "s", 0, 3, 4), "ax", 1, 2).node("Reshape", "r", "in", "s");
    if (attribute) {
      g.node(op, "m", of("keepdims", 0, "axes", new long[] {2, 1}), "r");
    } else {
      g.node(op, "m", of("keepdims", 0), "r", "ax");
    }
    return ints(g, "back", -1, 1).node("Reshape", "c", "m", "back").node("Mul", "y", "in", "c");
  }

  static Stream<Arguments> sums() {
    return Stream.of(
        einsum("bhid,bhjd->bhij", "b2 h2 i3 j3 d2"),
        einsum("bhij,bhjd->bihd", "b2 h2 i2 j3 d2"),
        einsum("b h i d, b h j d -> j b i", "b2 h2 i3 j3 d2"),
        einsum("bhi,bhj->bhij", "b2 h3 i4 j4"),
        einsum("bhi,bhi->bi", "b2 h3 i4"),
        einsum("bi,oi->bo", "b2 i12 o5"),
        einsum("bhi->ib", "b2 h3 i4"),
        einsum("bi,bi->", "b2 i12"),
        einsum("bhi,bij,jk->bkh", "b2 h3 i4 j3 k2"),
        einsum("bii->bi", "b6 i2"),
        einsum("bii->b", "b6 i2"),
        einsum("iib,ij->jb", "b6 i2 j3"),
        einsum("iijj->ji", "i2 j2"),
        einsum("bi,ij", sizes(2, 3), sizes(2, 12), sizes(12, 3)),
        einsum("ba", sizes(4, 6), sizes(6, 4)),
        einsum("bi,bi", sizes(), sizes(2, 12), sizes(2, 12)),
        einsum("...i,ij->...j", sizes(2, 3, 5), sizes(2, 3, 4), sizes(4, 5)),
        einsum("...ij,...jk->...ik", sizes(2, 3, 5), sizes(1, 3, 4), sizes(2, 4, 5)),
        einsum("...ij,jk", sizes(2, 3, 5), sizes(2, 3, 4), sizes(4, 5)),
        einsum("b...d, b...d -> b...", sizes(2, 3), sizes(2, 3, 4), sizes(2, 1, 4)),
        einsum("i...j->j...", sizes(4, 3), sizes(2, 3, 4)),
        einsum("b...ii->...b", sizes(3, 2), sizes(2, 3, 2, 2)),
        einsum("bhi,bhj->bhij", sizes(2, 3, 4, 5), sizes(2, 3, 4), sizes(2, 1, 5)));
  }

  private static Arguments einsum(String equation, String sizes) {
    Map<String, Long> known = new HashMap<>();
    for (String size : sizes.split(" ")) {
      known.put(size.substring(0, 1), Long.valueOf(size.substring(1)));
    }
    String[] terms = equation.replace(" ", "").split(",|->", -1);
    long[][] shapes = Stream.of(terms).map(term -> shape(known, term)).toArray(long[][]::new);
    int last = terms.length - 1;
    return einsum(equation, shapes[last], Arrays.copyOf(shapes, last));
  }

  /** Every number of the result counts otherwise, so that none can stand in another's place. */
  private static Arguments einsum(String equation, long[] made, long[]... shapes) {
    return flat(
        "Einsum " + equation,
        13,
        g -> {
          String[] operands = new String[shapes.length];
          String from = "in";
          for (int i = 0; i < operands.length; i++) {
            operands[i] = "operand" + i;
            if (LongStream.of(shapes[i]).reduce(1, (one, other) -> one * other) == 2 * DIM) {
              ints(g, "shape" + i, shapes[i]).node("Reshape", operands[i], from, "shape" + i);
              g.node("Tanh", "in" + i, from);
              from = "in" + i;
            } else {
              g.weight(operands[i], shapes[i]);
            }
          }
          return g.node("Einsum", "e", of("equation", equation), operands)
              .weight("each", made)
              .node("Mul", "m", "e", "each")
              .node("ReduceMean", "s", of("keepdims", 0), "m")
              .node("Mul", "y", "in", "s");
        });
  }

  private static long[] sizes(long... sizes) {
    return sizes;
  }

  private static long[] shape(Map<String, Long> sizes, String names) {
    return names.chars().mapToLong(name -> sizes.get(Character.toString(name))).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"shapes", "sums", "places"})
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(3, 2, 5));
    try (Rebuilt rebuilt = new Rebuilt(model, "x", inputs)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  private static GraphFixture reducedByNothing(GraphFixture g, String op) {
    return g.node(op, "y", of("noop_with_empty_axes", 1, "keepdims", 0), "in");
  }

  @ParameterizedTest
  @CsvSource({
    "ScatterND, reduction, add, uses the unsupported reduction `add`",
    "ScatterElements, reduction, max, uses the unsupported reduction `max`",
    "TopK, sorted, 0, returns unsorted values",
  })
  void namesWhatItDoesNotRebuild(String op, String attribute, String value, String reason) {
    Object given = value.equals("0") ? (Object) 0 : value;
    byte[] model =
        ints(GraphFixture.opset(18).input("x", -1, 4).weight("w", 4, 3), "i", 0)
            .node(op, "y", of(attribute, given), "x", "i", "x")
            .node("MatMul", "logits", "y", "w")
            .output("logits", -1, 3)
            .bytes();

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining(op + " node with output `y` " + reason);
  }
}
