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
 * Fits heads of several layers in PyTorch, by minibatches from where the live head is.
 * Deterministic on one device. Thread-safe; fits of several threads take turns step by step.
 */
public final class TailTuner {
  private static final int BATCH = 32;

  /** Passes over the samples at most: a few of them are soon learnt by heart. */
  private static final int PASSES = 8;

  /** Values in a minibatch of tiles: they are many, and every pixel of them is an example. */
  private static final int TILE_VALUES = 200_000;

  private static final int MOST_TILES = 4096;

  /** Minibatches of a head that begins with nothing, for each of another. */
  private static final int STEPS_FROM_NOTHING = 6;

  /**
   * Pull of a head of tiles, as {@link Muon} takes it. A few records have all the pixels to move it
   * far, and what they show is all the same: what they do not show would be unlearnt.
   */
  private static final double TILE_PULL = 5;

  private static final long SEED = 17;

  private final Tail tail;
  private final Split split;
  private final List<long[]> shapes;
  private final FitSettings settings;
  private final Engine engine;
  private final Device device;
  private final Steps seen;
  private volatile boolean cancelled;

  /**
   * @param shapes of one record's features, at each tensor of the cut
   * @throws IllegalArgumentException where the device asked for is not there
   */
  public TailTuner(Tail tail, Split split, List<long[]> shapes, FitSettings settings) {
    this(tail, split, shapes, settings, Steps.UNSEEN);
  }

  /** As the other, and tells of every step. */
  public TailTuner(Tail tail, Split split, List<long[]> shapes, FitSettings settings, Steps seen) {
    this.seen = seen;
    System.setProperty("ai.djl.offline", "true");
    this.tail = tail;
    this.split = split;
    this.shapes = shapes;
    this.settings = settings;
    this.engine = Engine.getEngine("PyTorch");
    this.device = FineTuner.device(settings.device(), engine.getGpuCount());
  }

  /** Where heads are trained: {@code cpu} or {@code cuda:N}. */
  public String device() {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /** Makes fits under way, and all to come, throw {@code CancellationException} soon. */
  public void cancel() {
    cancelled = true;
  }

  /**
   * One head for each way to weight the same samples.
   *
   * @param live where they begin, and what to stay near
   * @param classes of the fitted heads, at least those of {@code live}, whose indexes they keep
   */
  public List<Weights> fit(Weights live, int classes, Batch batch, List<double[]> weightings) {
    JniUtils.setNumThreads(settings.threads());
    Weights start = live.grown(split, classes);
    int most = settings.tailSteps() * (live.begun() ? 1 : STEPS_FROM_NOTHING);
    List<Weights> fitted = new ArrayList<>();
    for (int i = 0; i < weightings.size(); i++) {
      int head = i;
      fitted.add(
          fit(
              start,
              most,
              batch,
              weightings.get(i),
              (step, steps, loss) ->
                  seen.stepped(head * steps + step, weightings.size() * steps, loss)));
    }
    return fitted;
  }

  private Weights fit(Weights start, int most, Batch batch, double[] weights, Steps each) {
    int[] counted = counted(weights);
    if (counted.length == 0) {
      return start;
    }
    boolean tiles = batch.pixels() != null;
    int steps = tiles ? most : Math.min(most, (PASSES * counted.length + BATCH - 1) / BATCH);
    try (NDManager manager = engine.newBaseManager(device)) {
      Muon muon = new Muon(start, tiles ? TILE_PULL : settings.pull(), manager);
      Random random = new Random(SEED);
      int[] order = counted.clone();
      int size = batchSize(batch);
      float[] mean = new float[start.size()];
      for (int step = 0, next = 0; step < steps; step++, next += size) {
        goOn();
        if (step == 0 || next + size > order.length) {
          shuffle(order, random);
          next = 0;
        }
        int[] chosen = Arrays.copyOfRange(order, next, Math.min(order.length, next + size));
        Slope slope = slope(start.of(muon.at()), batch, weights, chosen);
        muon.step(slope.gradient());
        if (step >= steps / 2) {
          average(mean, muon.at(), step - steps / 2);
        }
        each.stepped(step + 1, steps, slope.loss());
      }
      return start.of(mean);
    }
  }

  private void goOn() {
    if (cancelled) {
      throw new CancellationException("training was cancelled");
    }
  }

  /**
   * Of the second half of the way (Polyak and Juditsky 1992): rates need not fall towards an end.
   */
  private static void average(float[] mean, float[] at, int before) {
    for (int i = 0; i < at.length; i++) {
      mean[i] += (at[i] - mean[i]) / (before + 1);
    }
  }

  private static int batchSize(Batch batch) {
    return batch.pixels() == null
        ? BATCH
        : Math.max(1, Math.min(MOST_TILES, TILE_VALUES / batch.features().get(0).length));
  }

  private static int[] counted(double[] weights) {
    int[] counted = new int[weights.length];
    int n = 0;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        counted[n++] = i;
      }
    }
    return Arrays.copyOf(counted, n);
  }

  private static void shuffle(int[] values, Random random) {
    for (int i = values.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
  }

  /** What a head with these weights loses on samples, as it would be trained: weighted, summed. */
  public double loss(Weights at, Batch batch, double[] weights) {
    JniUtils.setNumThreads(settings.threads());
    int[] counted = counted(weights);
    int size = batchSize(batch);
    double sum = 0;
    for (int from = 0; from < counted.length; from += size) {
      goOn();
      int[] chosen = Arrays.copyOfRange(counted, from, Math.min(counted.length, from + size));
      try (NDManager scope = engine.newBaseManager(device)) {
        Loss loss = loss(arrays(at, scope), batch, weights, chosen, scope);
        sum += loss.mean().toArray()[0].doubleValue() * loss.weight();
      }
    }
    return sum;
  }

  /** A minibatch's loss and its gradient. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Slope(double loss, float[] gradient) {}

  private Slope slope(Weights at, Batch batch, double[] weights, int[] chosen) {
    synchronized (SoftmaxLoss.COLLECTING) {
      try (NDManager scope = engine.newBaseManager(device);
          GradientCollector collector = engine.newGradientCollector()) {
        Map<String, NDArray> parameters = arrays(at, scope);
        parameters.values().forEach(array -> array.setRequiresGradient(true));
        NDArray loss = loss(parameters, batch, weights, chosen, scope).mean();
        collector.backward(loss);
        return new Slope(loss.toArray()[0].doubleValue(), gradients(at, parameters));
      }
    }
  }

  /**
   * @param mean over what is weighed, of which there is {@code weight}
   */
  private record Loss(NDArray mean, double weight) {}

  private Loss loss(
      Map<String, NDArray> parameters,
      Batch batch,
      double[] weights,
      int[] chosen,
      NDManager scope) {
    List<float[]> rows = Arrays.stream(chosen).mapToObj(i -> batch.features().get(i)).toList();
    NDArray logits = tail.logits(features(rows, scope), parameters, scope);
    if (batch.targets() != null) {
      return loss(logits, batch.targets(), weights, chosen, scope);
    }
    float[] target = new float[Math.toIntExact(logits.size())];
    double total = target(batch, weights, chosen, (int) logits.getShape().get(1), target);
    NDArray chance = logits.logSoftmax(1).mul(scope.create(target, logits.getShape()));
    return new Loss(chance.sum().div(-total), total);
  }

  private static Loss loss(
      NDArray outputs, Targets targets, double[] weights, int[] chosen, NDManager scope) {
    int width = Math.toIntExact(outputs.size()) / chosen.length;
    FloatBuffer wanted = FloatBuffer.allocate(chosen.length * width);
    float[] counts = new float[chosen.length];
    double total = 0;
    for (int i = 0; i < chosen.length; i++) {
      wanted.put(targets.rows().get(chosen[i]));
      counts[i] = (float) weights[chosen[i]];
      total += counts[i];
    }
    NDArray rows = scope.create(wanted.flip(), new Shape(chosen.length, width));
    NDArray sum =
        targets
            .loss()
            .each(outputs.reshape(chosen.length, width), rows)
            .mul(scope.create(counts, new Shape(chosen.length, 1)))
            .sum();
    return new Loss(sum.div(Math.max(1e-12, total)), total);
  }

  /** The weight of each answer where its own class is, zeros elsewhere; returns their sum. */
  private static double target(
      Batch batch, double[] weights, int[] chosen, int classes, float[] target) {
    Pixels pixels = batch.pixels();
    int width = target.length / chosen.length;
    double total = 0;
    for (int i = 0; i < chosen.length; i++) {
      double weight = weights[chosen[i]];
      if (pixels == null) {
        target[i * width + batch.classes()[chosen[i]]] = (float) weight;
        total += weight;
      } else {
        total += pixels.fill(chosen[i], weight, target, i * width, classes);
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

  /** What the head with these weights says of each record. */
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
          scope.allocateDirect(rows.size() * width * Float.BYTES); // not copied again
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
