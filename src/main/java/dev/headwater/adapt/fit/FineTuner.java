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
 * Fits linear heads in PyTorch. Deterministic on one device. Thread-safe; fits of several threads
 * take turns step by step, for DJL collects one gradient at a time in a process.
 *
 * <p>Source: multinomial logistic regression as a maximum a posteriori estimate, its prior a
 * Gaussian around the live head (L2-SP, Li et al. 2018) as wide as that head's own weights.
 */
public final class FineTuner {
  /** Relative decrease of the loss below which the decisions no longer change. */
  private static final double TOLERANCE = 2e-3;

  /** Prior precision of a head that starts from nothing, and the range it may take. */
  private static final double COLD_PULL = 0.05;

  private static final double LEAST_PULL = 0.003;
  private static final double MOST_PULL = 0.3;

  private static final int WARM_SAMPLES = 100;
  private static final int WARM_CLASSES = 10;
  private static final int WARM_FITS = 20;

  /** Fewer are asked one by one: an engine is not worth its call. */
  private static final int MANY = 16;

  /** Rows asked at once, for what they take besides. */
  private static final int MOST = 1024;

  private final FitSettings settings;
  private final Engine engine;
  private final Device device;
  private final boolean biased;
  private final Steps steps;
  private volatile boolean cancelled;

  /**
   * @param biased whether the heads have biases
   * @throws IllegalArgumentException where the device asked for is not there
   */
  public FineTuner(FitSettings settings, boolean biased) {
    this(settings, biased, Steps.UNSEEN);
  }

  /** As {@link #FineTuner(FitSettings, boolean)}, and tells of every step. */
  public FineTuner(FitSettings settings, boolean biased, Steps steps) {
    // everything is on the class path: nothing to look for elsewhere, nobody to tell
    System.setProperty("ai.djl.offline", "true");
    this.settings = settings;
    this.biased = biased;
    this.steps = steps;
    this.engine = Engine.getEngine("PyTorch");
    this.device = device(settings.device(), engine.getGpuCount());
  }

  /** Where heads are trained: {@code cpu} or {@code cuda:N}. */
  public String device() {
    return device.isGpu() ? "cuda:" + device.getDeviceId() : "cpu";
  }

  /**
   * Loads what PyTorch loads at its first use, and has compiled what a fit runs, so that the first
   * real one waits for neither.
   *
   * @param dim of the features to come
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

  /** Makes fits under way, and all to come, throw {@code CancellationException} soon. */
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
          "device %s asked for, but PyTorch finds %s: use auto or cpu, or run on a machine and with a PyTorch build that have it"
              .formatted(name, gpus == 0 ? "no GPU" : gpus + " GPUs, cuda:0 first"));
    }
    return Device.gpu(id);
  }

  /**
   * @param live where to start from and what to stay near; empty in a cold start
   * @param classes of the fitted head, at least those of {@code live}, whose indexes they keep
   */
  public LinearHead fit(LinearHead live, int classes, Batch batch) {
    return fit(live, classes, batch, List.of(batch.weights())).get(0);
  }

  /** One head for each way to weight the same samples. */
  public List<LinearHead> fit(
      LinearHead live, int classes, Batch batch, List<double[]> weightings) {
    return fit(live, List.of(), classes, batch, weightings);
  }

  /**
   * As {@link #fit(LinearHead, int, Batch, List)}, going on from heads that are near already.
   *
   * @param starts one for each weighting, or none
   */
  public List<LinearHead> fit(
      LinearHead live,
      List<LinearHead> starts,
      int classes,
      Batch batch,
      List<double[]> weightings) {
    Standardiser standardiser = new Standardiser(batch, biased);
    Batch standard =
        new Batch(
            batch.features().stream().map(standardiser::features).toList(),
            batch.classes(),
            batch.weights(),
            null,
            batch.targets());
    LinearHead inside = standardiser.inward(live);
    LinearHead anchor = NewRows.anchor(inside, classes);
    // per calling thread, for that is how OpenMP keeps it
    JniUtils.setNumThreads(settings.threads());
    List<LinearHead> heads = new ArrayList<>();
    try (NDManager manager = engine.newBaseManager(device);
        SoftmaxLoss loss = new SoftmaxLoss(manager, standard, anchor, pull(inside), biased)) {
      for (double[] weights : weightings) {
        loss.reweight(weights);
        LinearHead start =
            starts.isEmpty()
                ? start(inside, anchor, standard.weighted(weights))
                : standardiser.inward(starts.get(heads.size()));
        if (heads.isEmpty()) { // the weightings differ in few samples
          loss.curvatureAt(parameters(start));
        }
        int before = heads.size() * settings.iterations();
        int limit = weightings.size() * settings.iterations();
        heads.add(
            standardiser.outward(
                minimise(loss, start, (i, value) -> steps.stepped(before + i, limit, value))));
      }
    }
    return heads;
  }

  /** By class, of each of these features. */
  public List<float[]> logits(LinearHead head, List<float[]> features) {
    if (features.size() < MANY || head.classes() == 0) {
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
      for (int from = 0; from < features.size(); from += MOST) {
        List<float[]> some = features.subList(from, Math.min(features.size(), from + MOST));
        FloatBuffer rows = FloatBuffer.wrap(Tensor.rows(some, head.dim()).values());
        Shape shape = new Shape(some.size(), head.dim());
        try (NDManager step = manager.newSubManager()) {
          float[] all = step.create(rows, shape).matMul(weight).add(bias).toFloatArray();
          for (int i = 0; i < some.size(); i++) {
            logits.add(Arrays.copyOfRange(all, i * head.classes(), (i + 1) * head.classes()));
          }
        }
      }
    }
    return logits;
  }

  /** A mean of features is where a class is, and says nothing of a number. */
  private static LinearHead start(LinearHead live, LinearHead anchor, Batch batch) {
    return batch.targets() == null ? NewRows.start(live, anchor, batch) : anchor;
  }

  private LinearHead minimise(SoftmaxLoss loss, LinearHead start, Lbfgs.Seen seen) {
    float[] found =
        new Lbfgs(settings.iterations(), TOLERANCE, () -> cancelled, seen)
            .minimise(loss, parameters(start));
    int size = start.weight().length;
    return new LinearHead(
        start.classes(),
        start.dim(),
        Arrays.copyOf(found, size),
        Arrays.copyOfRange(found, size, found.length));
  }

  private static float[] parameters(LinearHead head) {
    float[] parameters = Arrays.copyOf(head.weight(), head.weight().length + head.bias().length);
    System.arraycopy(head.bias(), 0, parameters, head.weight().length, head.bias().length);
    return parameters;
  }

  private double pull(LinearHead live) {
    if (live.classes() == 0) {
      return COLD_PULL;
    }
    double sum = 0;
    double squares = 0;
    for (float weight : live.weight()) {
      sum += weight;
      squares += (double) weight * weight;
    }
    int n = live.weight().length;
    double variance = squares / n - (sum / n) * (sum / n);
    return Math.min(MOST_PULL, Math.max(LEAST_PULL, settings.pull() / Math.max(1e-12, variance)));
  }
}
