package dev.headwater.adapt.fit;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.headwater.schema.Tensor;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Fine-tunes linear heads with PyTorch. Deterministic on one device. Thread-safe: concurrent fits
 * alternate step by step, because DJL has a single gradient collector per process.
 *
 * <p>Method: maximum a posteriori estimate of multinomial logistic regression. The prior is a
 * Gaussian around the live head (L2-SP, Li et al. 2018), as wide as that head's own weights.
 */
public final class FineTuner {
  /** Relative decrease of the loss below which the predicted classes no longer change. */
  private static final double TOLERANCE = 2e-3;

  /** Prior precision (L2-SP strength) of a head trained from scratch. */
  private static final double COLD_START_L2_SP = 0.05;

  /** Bounds of the prior precision of all other heads. */
  private static final double MIN_L2_SP = 0.003;

  private static final double MAX_L2_SP = 0.3;

  private static final int WARM_SAMPLES = 100;
  private static final int WARM_CLASSES = 10;
  private static final int WARM_FITS = 20;

  /** Below this many rows, plain Java is faster than a call into PyTorch. */
  private static final int MIN_PYTORCH_ROWS = 16;

  /** Rows per PyTorch call, which bounds the memory of a call. */
  private static final int ROWS_PER_CALL = 1024;

  private final FitSettings settings;
  private final Engine engine;
  private final Device device;
  private final boolean hasBias;
  private final Steps steps;
  private volatile boolean cancelled;

  /**
   * @param hasBias whether the heads have biases
   * @throws IllegalArgumentException if the configured device is not available
   */
  public FineTuner(FitSettings settings, boolean hasBias) {
    this(settings, hasBias, Steps.UNSEEN);
  }

  /** Same as {@link #FineTuner(FitSettings, boolean)}, and reports every step to {@code steps}. */
  public FineTuner(FitSettings settings, boolean hasBias, Steps steps) {
    // everything is on the class path: no downloads and no telemetry
    System.setProperty("ai.djl.offline", "true");
    this.settings = settings;
    this.hasBias = hasBias;
    this.steps = steps;
    this.engine = Engine.getEngine("PyTorch");
    this.device = device(settings.device(), engine.getGpuCount());
  }

  /** Returns the device that heads are trained on: {@code cpu} or {@code cuda:N}. */
  public String device() {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /**
   * Loads PyTorch's native code and lets the JVM compile the training loop, so that the first real
   * fit does not wait for either.
   *
   * @param dim number of features
   */
  public void warmUp(int dim) {
    Random random = new Random(1);
    List<float[]> features = new ArrayList<>();
    int[] classes = new int[WARM_SAMPLES];
    double[] weights = new double[WARM_SAMPLES];
    for (int i = 0; i < WARM_SAMPLES; i++) {
      float[] row = new float[dim];
      for (int d = 0; d < dim; d++) {
        row[d] = (float) random.nextGaussian();
      }
      features.add(row);
      classes[i] = i % WARM_CLASSES;
      weights[i] = 1;
    }
    Batch batch = new Batch(features, classes, weights);
    fit(LinearHead.empty(dim), WARM_CLASSES, batch, Collections.nCopies(WARM_FITS, weights));
  }

  /** Makes running and future fits throw {@code CancellationException} promptly. */
  public void cancel() {
    cancelled = true;
  }

  static Device device(String name, int gpus) {
    if (name.equals("cpu") || (name.equals("auto") && gpus == 0)) {
      return Device.cpu();
    }
    int id = name.equals("auto") ? 0 : Integer.parseInt(name.substring("cuda:".length()));
    if (id >= gpus) {
      throw new IllegalArgumentException(
          ("device %s is not available, PyTorch finds %s: use auto or cpu, "
                  + "or use a GPU machine and a CUDA build of PyTorch")
              .formatted(name, gpus == 0 ? "no GPU" : gpus + " GPUs, numbered from cuda:0"));
    }
    return Device.gpu(id);
  }

  /**
   * Fits one head to the samples of a batch.
   *
   * @param live the head to start from and to regularise towards; empty on a cold start
   * @param classes number of classes of the fitted head, at least that of {@code live}; existing
   *     classes keep their indexes
   */
  public LinearHead fit(LinearHead live, int classes, Batch batch) {
    return fit(live, classes, batch, List.of(batch.weights())).get(0);
  }

  /** Fits one head per weighting of the same samples. */
  public List<LinearHead> fit(
      LinearHead live, int classes, Batch batch, List<double[]> weightings) {
    return fit(live, List.of(), classes, batch, weightings);
  }

  /**
   * Same as {@link #fit(LinearHead, int, Batch, List)}, starting from heads near the optimum.
   *
   * @param starts one head per weighting, or empty
   */
  public List<LinearHead> fit(
      LinearHead live,
      List<LinearHead> starts,
      int classes,
      Batch batch,
      List<double[]> weightings) {
    Standardiser standardiser = new Standardiser(batch, hasBias);
    Batch standardised =
        new Batch(
            batch.features().stream().map(standardiser::features).toList(),
            batch.classes(),
            batch.weights(),
            null,
            batch.targets());
    LinearHead standardisedLive = standardiser.inward(live);
    LinearHead anchor = NewRows.anchor(standardisedLive, classes);
    // OpenMP keeps this setting per calling thread
    JniUtils.setNumThreads(settings.threads());
    List<LinearHead> heads = new ArrayList<>();
    try (NDManager manager = engine.newBaseManager(device);
        SoftmaxLoss loss =
            new SoftmaxLoss(manager, standardised, anchor, l2Sp(standardisedLive), hasBias)) {
      for (double[] weights : weightings) {
        loss.reweight(weights);
        LinearHead start =
            starts.isEmpty()
                ? initial(standardisedLive, anchor, standardised.weighted(weights))
                : standardiser.inward(starts.get(heads.size()));
        if (heads.isEmpty()) { // shared by all: the weightings differ in few samples
          loss.curvatureAt(parameters(start));
        }
        int stepsBefore = heads.size() * settings.iterations();
        int limit = weightings.size() * settings.iterations();
        heads.add(
            standardiser.outward(
                minimise(loss, start, (i, value) -> steps.stepped(stepsBefore + i, limit, value))));
      }
    }
    return heads;
  }

  /** Returns the logits of each feature vector, by class. */
  public List<float[]> logits(LinearHead head, List<float[]> features) {
    if (features.size() < MIN_PYTORCH_ROWS || head.classes() == 0) {
      return features.stream().map(head::logits).toList();
    }
    JniUtils.setNumThreads(settings.threads());
    List<float[]> logits = new ArrayList<>(features.size());
    try (NDManager manager = engine.newBaseManager(device)) {
      NDArray weight =
          manager
              .create(FloatBuffer.wrap(head.weight()), new Shape(head.classes(), head.dim()))
              .transpose();
      NDArray bias = manager.create(head.bias());
      for (int from = 0; from < features.size(); from += ROWS_PER_CALL) {
        List<float[]> chunk =
            features.subList(from, Math.min(features.size(), from + ROWS_PER_CALL));
        FloatBuffer rows = FloatBuffer.wrap(Tensor.rows(chunk, head.dim()).values());
        Shape shape = new Shape(chunk.size(), head.dim());
        try (NDManager step = manager.newSubManager()) {
          float[] all = step.create(rows, shape).matMul(weight).add(bias).toFloatArray();
          for (int i = 0; i < chunk.size(); i++) {
            logits.add(Arrays.copyOfRange(all, i * head.classes(), (i + 1) * head.classes()));
          }
        }
      }
    }
    return logits;
  }

  /** Class means are a useful start for classes only, not for regression or multi-label targets. */
  private static LinearHead initial(LinearHead live, LinearHead anchor, Batch batch) {
    return batch.targets() == null ? NewRows.start(live, anchor, batch) : anchor;
  }

  private LinearHead minimise(SoftmaxLoss loss, LinearHead start, Lbfgs.Seen listener) {
    float[] optimum =
        new Lbfgs(settings.iterations(), TOLERANCE, () -> cancelled, listener)
            .minimise(loss, parameters(start));
    int size = start.weight().length;
    return new LinearHead(
        start.classes(),
        start.dim(),
        Arrays.copyOf(optimum, size),
        Arrays.copyOfRange(optimum, size, optimum.length));
  }

  private static float[] parameters(LinearHead head) {
    float[] parameters = Arrays.copyOf(head.weight(), head.weight().length + head.bias().length);
    System.arraycopy(head.bias(), 0, parameters, head.weight().length, head.bias().length);
    return parameters;
  }

  private double l2Sp(LinearHead live) {
    if (live.classes() == 0) {
      return COLD_START_L2_SP;
    }
    double sum = 0;
    double squares = 0;
    for (float weight : live.weight()) {
      sum += weight;
      squares += (double) weight * weight;
    }
    int n = live.weight().length;
    double variance = squares / n - (sum / n) * (sum / n);
    return Math.min(MAX_L2_SP, Math.max(MIN_L2_SP, settings.pull() / Math.max(1e-12, variance)));
  }
}
