package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.LinearHead;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** Classes that lie round an axis each, at any distance from the origin, and a head for them. */
public final class Blobs {
  public static final int CLASSES = 4;
  public static final int DIM = 16;
  private static final double NOISE = 0.07;

  private final Random random = new Random(5);
  private final double[] angles = new double[CLASSES];
  private double gain = 1;
  private float shift;

  public static LinearHead head() {
    LinearHead head = new LinearHead(CLASSES, DIM, new float[CLASSES * DIM], new float[CLASSES]);
    for (int c = 0; c < CLASSES; c++) {
      head.weight()[c * DIM + c] = 12;
    }
    return head;
  }

  /** From now on a class lies this far, in degrees, on the way to the next class's axis. */
  public void turn(int label, double degrees) {
    angles[label] = Math.toRadians(degrees);
  }

  void gain(double factor) {
    gain = factor;
  }

  /** From now on all classes lie this far along the first axis. */
  void shift(float by) {
    shift = by;
  }

  public float[] of(int label) {
    double length = gain * (0.7 + 0.6 * random.nextDouble());
    float[] row = new float[DIM];
    for (int d = 0; d < DIM; d++) {
      row[d] = (float) (length * NOISE * random.nextGaussian());
    }
    row[label] += (float) (length * Math.cos(angles[label]));
    row[(label + 1) % CLASSES] += (float) (length * Math.sin(angles[label]));
    row[0] += shift;
    return row;
  }

  /** Records of each class in turn, with their labels. */
  public Batch labelled(int records) {
    double[] weights = new double[records];
    Arrays.fill(weights, 1);
    return new Batch(
        IntStream.range(0, records).mapToObj(i -> of(i % CLASSES)).toList(),
        IntStream.range(0, records).map(i -> i % CLASSES).toArray(),
        weights);
  }

  /** Share of fresh records of each class in turn that a head gets right. */
  public double accuracy(LinearHead head) {
    int right = 0;
    for (int i = 0; i < 1000; i++) {
      right += head.best(of(i % CLASSES)) == i % CLASSES ? 1 : 0;
    }
    return right / 1000.0;
  }
}
