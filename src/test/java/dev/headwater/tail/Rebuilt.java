package dev.headwater.tail;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.TensorInfo;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** A head rebuilt, beside the same head in ONNX Runtime. */
final class Rebuilt implements AutoCloseable {
  /** Wide enough that float32 carries a slope, narrow enough that the slope is the gradient. */
  private static final float NUDGE = 1e-3f;

  private static final double STILL = 1e-6;

  private final Split split;
  private final Tail tail;
  private final Map<String, OnnxTensorLike> features;
  private final NDManager manager = Engine.getEngine("PyTorch").newBaseManager(Device.cpu());

  Rebuilt(byte[] model, String cut, Map<String, OnnxTensorLike> inputs) throws Exception {
    this(OnnxFile.parse(model).split(cut), inputs);
  }

  Rebuilt(Split split, Map<String, OnnxTensorLike> inputs) throws Exception {
    this.split = split;
    this.tail = Tail.of(split);
    this.features = Ort.run(split.backbone(), inputs);
    JniUtils.setNumThreads(1);
  }

  Split split() {
    return split;
  }

  /** Every logit within the tolerance of what ONNX Runtime says, relative above 1. */
  void saysWhatOnnxRuntimeSays(float tolerance) throws Exception {
    Map<String, OnnxTensorLike> given = new LinkedHashMap<>(features);
    given.putAll(Ort.parameters(split.parameters()));
    Ort.Values wanted = Ort.values(Ort.run(split.head(), given).get(split.logits()));
    try (NDManager scope = manager.newSubManager()) {
      NDArray logits = tail.logits(features(scope), parameters(scope), scope);
      assertThat(logits.getShape().getShape()).as("shape").containsExactly(wanted.shape());
      float[] got = logits.toFloatArray();
      for (int i = 0; i < got.length; i++) {
        float value = wanted.floats()[i];
        assertThat(Math.abs(got[i] - value))
            .as("logit %d: %s, where ONNX Runtime says %s", i, got[i], value)
            .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(value)));
      }
    }
  }

  /** The gradient of a weighted sum of the logits, along random directions of every parameter. */
  void hasTheGradientOfFiniteDifferences() {
    List<float[]> gradients = gradients();
    Random random = new Random(5);
    for (int p = 0; p < gradients.size(); p++) {
      Parameter parameter = split.parameters().get(p);
      float[] gradient = gradients.get(p);
      for (int probe = 0; probe < 3; probe++) {
        float[] direction = direction(parameter.values().length, random);
        double along = 0;
        double size = 0;
        for (int i = 0; i < gradient.length; i++) {
          along += (double) gradient[i] * direction[i];
          size += Math.abs((double) gradient[i] * direction[i]);
        }
        double allowed = 8e-3 + 0.02 * Math.max(Math.abs(along), 0.2 * size);
        // a kink between two points is seldom between two nearer ones, which rounding moves more
        double off =
            Math.min(
                Math.abs(slope(p, direction, NUDGE) - along),
                Math.abs(slope(p, direction, NUDGE / 5) - along));
        assertThat(off)
            .as("%s: how far the slope is from the gradient, %s", parameter, along)
            .isLessThanOrEqualTo(allowed);
      }
    }
    assertThat(gradients.stream().anyMatch(g -> norm(g) > STILL)).as("any gradient").isTrue();
  }

  /** Parameters that move no logit. */
  List<String> still() {
    List<float[]> gradients = gradients();
    return IntStream.range(0, gradients.size())
        .filter(p -> norm(gradients.get(p)) <= STILL)
        .mapToObj(p -> split.parameters().get(p).name())
        .toList();
  }

  /** One for each parameter, in order. */
  List<float[]> gradients() {
    try (NDManager scope = manager.newSubManager();
        GradientCollector collector = scope.getEngine().newGradientCollector()) {
      Map<String, NDArray> parameters = parameters(scope);
      parameters.values().forEach(parameter -> parameter.setRequiresGradient(true));
      NDArray logits = tail.logits(features(scope), parameters, scope);
      collector.backward(logits.mul(mixture(logits)).sum());
      List<float[]> gradients = new ArrayList<>();
      for (NDArray parameter : parameters.values()) {
        NDArray gradient = parameter.getGradient();
        gradients.add(gradient.toFloatArray());
        gradient.close();
      }
      return gradients;
    }
  }

  private double slope(int which, float[] direction, float nudge) {
    return (moved(which, direction, nudge) - moved(which, direction, -nudge)) / (2 * nudge);
  }

  private double moved(int which, float[] direction, float by) {
    try (NDManager scope = manager.newSubManager()) {
      Map<String, NDArray> parameters = parameters(scope);
      Parameter parameter = split.parameters().get(which);
      float[] values = parameter.values().clone();
      for (int i = 0; i < values.length; i++) {
        values[i] += by * direction[i];
      }
      parameters.put(parameter.name(), scope.create(values, new Shape(parameter.shape())));
      NDArray logits = tail.logits(features(scope), parameters, scope);
      float[] mixture = mixture(logits).toFloatArray();
      float[] got = logits.toFloatArray();
      double sum = 0;
      for (int i = 0; i < got.length; i++) {
        sum += (double) got[i] * mixture[i];
      }
      return sum;
    }
  }

  private static NDArray mixture(NDArray logits) {
    float[] weights = new float[(int) logits.size()];
    Random random = new Random(11);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) Math.abs(random.nextGaussian()); // of one sign: slopes outgrow rounding
    }
    return logits.getManager().create(weights, logits.getShape());
  }

  private static float[] direction(int size, Random random) {
    float[] direction = new float[size];
    for (int i = 0; i < size; i++) {
      direction[i] = (float) (random.nextGaussian() / Math.sqrt(size));
    }
    return direction;
  }

  private static double norm(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }

  Map<String, NDArray> parameters(NDManager scope) {
    Map<String, NDArray> parameters = new LinkedHashMap<>();
    split
        .parameters()
        .forEach(p -> parameters.put(p.name(), scope.create(p.values(), new Shape(p.shape()))));
    return parameters;
  }

  NDList features(NDManager scope) {
    NDList list = new NDList();
    for (String feature : split.features()) {
      OnnxTensor tensor = (OnnxTensor) features.get(feature);
      Shape shape = new Shape(tensor.getInfo().getShape());
      list.add(
          switch (((TensorInfo) tensor.getInfo()).type) {
            case INT64 -> scope.create(tensor.getLongBuffer().array(), shape);
            default -> scope.create(Ort.values(tensor).floats(), shape);
          });
    }
    return list;
  }

  Tail tail() {
    return tail;
  }

  NDManager manager() {
    return manager;
  }

  @Override
  public void close() {
    manager.close();
    tail.close();
  }
}
