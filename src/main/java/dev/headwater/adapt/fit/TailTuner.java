package dev.headwater.adapt.fit;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import dev.headwater.onnx.Split;
import dev.headwater.schema.Tensor;
import dev.headwater.tail.Tail;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;

/**
 * Fine-tunes heads of several layers with PyTorch, by minibatch steps from the live head.
 * Deterministic on one device. Thread-safe: concurrent fits alternate step by step.
 */
public final class TailTuner {
  private static final int BATCH = 32;

  /** Maximum epochs: few samples are overfitted quickly. */
  private static final int MAX_EPOCHS = 8;

  /** Feature values per minibatch of tiles; tiles are large, and each pixel is an example. */
  private static final int TILE_VALUES = 200_000;

  private static final int MAX_TILES = 4096;

  /** Factor on the number of steps for a head that is trained from scratch. */
  private static final int FROM_SCRATCH_FACTOR = 6;

  /**
   * L2-SP strength of a head on tiles, see {@link Muon}. A few records have enough pixels to move
   * the weights far. They are also similar, so the head would forget what they do not show.
   */
  private static final double TILE_L2_SP = 5;

  private static final long SEED = 17;

  private final Tail tail;
  private final Split split;
  private final List<long[]> shapes;
  private final FitSettings settings;
  private final Engine engine;
  private final Device device;
  private final Steps listener;
  private volatile boolean cancelled;

  /**
   * @param shapes shape of one record's features, per tensor of the cut
   * @throws IllegalArgumentException if the configured device is not available
   */
  public TailTuner(Tail tail, Split split, List<long[]> shapes, FitSettings settings) {
    this(tail, split, shapes, settings, Steps.UNSEEN);
  }

  /** Same as the other constructor, and reports every step to {@code listener}. */
  public TailTuner(
      Tail tail, Split split, List<long[]> shapes, FitSettings settings, Steps listener) {
    this.listener = listener;
    System.setProperty("ai.djl.offline", "true");
    this.tail = tail;
    this.split = split;
    this.shapes = shapes;
    this.settings = settings;
    this.engine = Engine.getEngine("PyTorch");
    this.device = FineTuner.device(settings.device(), engine.getGpuCount());
  }

  /** Returns the device that heads are trained on: {@code cpu} or {@code cuda:N}. */
  public String device() {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /** Makes running and future fits throw {@code CancellationException} promptly. */
  public void cancel() {
    cancelled = true;
  }

  /**
   * Fits one head per weighting of the same samples.
   *
   * @param live the weights to start from and to regularise towards
   * @param classes number of classes of the fitted heads, at least that of {@code live}; existing
   *     classes keep their indexes
   */
  public List<Weights> fit(Weights live, int classes, Batch batch, List<double[]> weightings) {
    JniUtils.setNumThreads(settings.threads());
    Weights start = live.grown(split, classes);
    int maxSteps = settings.tailSteps() * (live.begun() ? 1 : FROM_SCRATCH_FACTOR);
    List<Weights> fitted = new ArrayList<>();
    for (int i = 0; i < weightings.size(); i++) {
      int head = i;
      fitted.add(
          fit(
              start,
              maxSteps,
              batch,
              weightings.get(i),
              (step, steps, loss) ->
                  listener.stepped(head * steps + step, weightings.size() * steps, loss)));
    }
    return fitted;
  }

  private Weights fit(Weights start, int maxSteps, Batch batch, double[] weights, Steps each) {
    int[] positive = positive(weights);
    if (positive.length == 0) {
      return start;
    }
    boolean tiles = batch.pixels() != null;
    int steps =
        tiles ? maxSteps : Math.min(maxSteps, (MAX_EPOCHS * positive.length + BATCH - 1) / BATCH);
    try (NDManager manager = engine.newBaseManager(device)) {
      Muon muon = new Muon(start, tiles ? TILE_L2_SP : settings.pull(), manager);
      Random random = new Random(SEED);
      int[] order = positive.clone();
      int size = batchSize(batch);
      float[] mean = new float[start.size()];
      for (int step = 0, next = 0; step < steps; step++, next += size) {
        throwIfCancelled();
        if (step == 0 || next + size > order.length) {
          shuffle(order, random);
          next = 0;
        }
        int[] selected = Arrays.copyOfRange(order, next, Math.min(order.length, next + size));
        LossAndGradient result = lossAndGradient(start.of(muon.at()), batch, weights, selected);
        muon.step(result.gradient());
        if (step >= steps / 2) {
          average(mean, muon.at(), step - steps / 2);
        }
        each.stepped(step + 1, steps, result.loss());
      }
      return start.of(mean);
    }
  }

  private void throwIfCancelled() {
    if (cancelled) {
      throw new CancellationException("training was cancelled");
    }
  }

  /**
   * Updates the mean of the iterates of the second half (Polyak and Juditsky 1992). Averaging
   * replaces a decaying learning rate.
   */
  private static void average(float[] mean, float[] at, int count) {
    for (int i = 0; i < at.length; i++) {
      mean[i] += (at[i] - mean[i]) / (count + 1);
    }
  }

  private static int batchSize(Batch batch) {
    return batch.pixels() == null
        ? BATCH
        : Math.max(1, Math.min(MAX_TILES, TILE_VALUES / batch.features().get(0).length));
  }

  private static int[] positive(double[] weights) {
    int[] positive = new int[weights.length];
    int n = 0;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        positive[n++] = i;
      }
    }
    return Arrays.copyOf(positive, n);
  }

  private static void shuffle(int[] values, Random random) {
    for (int i = values.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
  }

  /** Returns the weighted sum of the training loss over the samples. */
  public double loss(Weights at, Batch batch, double[] weights) {
    JniUtils.setNumThreads(settings.threads());
    int[] positive = positive(weights);
    int size = batchSize(batch);
    double sum = 0;
    for (int from = 0; from < positive.length; from += size) {
      throwIfCancelled();
      int[] selected = Arrays.copyOfRange(positive, from, Math.min(positive.length, from + size));
      try (NDManager scope = engine.newBaseManager(device)) {
        Loss loss = loss(arrays(at, scope), batch, weights, selected, scope);
        sum += loss.mean().toArray()[0].doubleValue() * loss.weight();
      }
    }
    return sum;
  }

  /** The loss of a minibatch and its gradient. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record LossAndGradient(double loss, float[] gradient) {}

  private LossAndGradient lossAndGradient(
      Weights at, Batch batch, double[] weights, int[] selected) {
    synchronized (SoftmaxLoss.COLLECTING) {
      try (NDManager scope = engine.newBaseManager(device);
          GradientCollector collector = engine.newGradientCollector()) {
        Map<String, NDArray> parameters = arrays(at, scope);
        parameters.values().forEach(array -> array.setRequiresGradient(true));
        NDArray loss = loss(parameters, batch, weights, selected, scope).mean();
        collector.backward(loss);
        return new LossAndGradient(loss.toArray()[0].doubleValue(), gradients(at, parameters));
      }
    }
  }

  /**
   * The loss of a minibatch.
   *
   * @param mean mean loss, weighted by {@code weight} in total
   */
  private record Loss(NDArray mean, double weight) {}

  private Loss loss(
      Map<String, NDArray> parameters,
      Batch batch,
      double[] weights,
      int[] selected,
      NDManager scope) {
    List<float[]> rows = Arrays.stream(selected).mapToObj(i -> batch.features().get(i)).toList();
    NDArray logits = tail.logits(features(rows, scope), parameters, scope);
    if (batch.targets() != null) {
      return loss(logits, batch.targets(), weights, selected, scope);
    }
    float[] target = new float[Math.toIntExact(logits.size())];
    double total = target(batch, weights, selected, (int) logits.getShape().get(1), target);
    NDArray logLikelihood = logits.logSoftmax(1).mul(scope.create(target, logits.getShape()));
    return new Loss(logLikelihood.sum().div(-total), total);
  }

  private static Loss loss(
      NDArray outputs, Targets targets, double[] weights, int[] selected, NDManager scope) {
    int width = Math.toIntExact(outputs.size()) / selected.length;
    FloatBuffer targetValues = FloatBuffer.allocate(selected.length * width);
    float[] sampleWeights = new float[selected.length];
    double total = 0;
    for (int i = 0; i < selected.length; i++) {
      targetValues.put(targets.rows().get(selected[i]));
      sampleWeights[i] = (float) weights[selected[i]];
      total += sampleWeights[i];
    }
    NDArray rows = scope.create(targetValues.flip(), new Shape(selected.length, width));
    NDArray sum =
        targets
            .loss()
            .each(outputs.reshape(selected.length, width), rows)
            .mul(scope.create(sampleWeights, new Shape(selected.length, 1)))
            .sum();
    return new Loss(sum.div(Math.max(1e-12, total)), total);
  }

  /** Writes each sample's weight at its class, zeros elsewhere; returns the sum of the weights. */
  private static double target(
      Batch batch, double[] weights, int[] selected, int classes, float[] target) {
    Pixels pixels = batch.pixels();
    int width = target.length / selected.length;
    double total = 0;
    for (int i = 0; i < selected.length; i++) {
      double weight = weights[selected[i]];
      if (pixels == null) {
        target[i * width + batch.classes()[selected[i]]] = (float) weight;
        total += weight;
      } else {
        total += pixels.fill(selected[i], weight, target, i * width, classes);
      }
    }
    return Math.max(1e-12, total);
  }

  private static float[] gradients(Weights at, Map<String, NDArray> parameters) {
    float[] gradient = new float[at.size()];
    int from = 0;
    for (NDArray parameter : parameters.values()) {
      try (NDArray array = parameter.getGradient()) {
        float[] values = array.toFloatArray();
        System.arraycopy(values, 0, gradient, from, values.length);
        from += values.length;
      }
    }
    return gradient;
  }

  /** Returns the logits of each record under the given weights. */
  public List<float[]> logits(Weights weights, List<float[]> features) {
    JniUtils.setNumThreads(settings.threads());
    List<float[]> logits = new ArrayList<>(features.size());
    for (int from = 0; from < features.size(); from += BATCH) {
      List<float[]> rows = features.subList(from, Math.min(features.size(), from + BATCH));
      try (NDManager scope = engine.newBaseManager(device)) {
        float[] all =
            tail.logits(features(rows, scope), arrays(weights, scope), scope).toFloatArray();
        int width = all.length / rows.size();
        for (int i = 0; i < rows.size(); i++) {
          logits.add(Arrays.copyOfRange(all, i * width, (i + 1) * width));
        }
      }
    }
    return logits;
  }

  private static Map<String, NDArray> arrays(Weights weights, NDManager scope) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (Map.Entry<String, Tensor> entry : weights.tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      arrays.put(
          entry.getKey(),
          scope.create(FloatBuffer.wrap(tensor.values()), new Shape(tensor.shape())));
    }
    return arrays;
  }

  private NDList features(List<float[]> rows, NDManager scope) {
    NDList features = new NDList();
    int from = 0;
    for (long[] shape : shapes) {
      int width = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
      ByteBuffer bytes =
          scope.allocateDirect(rows.size() * width * Float.BYTES); // avoids another copy
      FloatBuffer values = bytes.asFloatBuffer();
      for (float[] row : rows) {
        values.put(row, from, width);
      }
      Shape all = new Shape(rows.size()).addAll(new Shape(shape));
      features.add(scope.create(bytes, all, DataType.FLOAT32));
      from += width;
    }
    return features;
  }
}
