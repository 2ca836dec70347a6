package dev.headwater.adapt.fit;

import java.util.List;

/**
 * The classes of places, where every place of a sample has its own.
 *
 * @param classes of each sample's places, in the order of its rows; -1 where it does not count
 * @param weights how much a place of each class counts
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Pixels(List<byte[]> classes, double[] weights) {
  /**
   * Puts the weight of each place's own class where that class's log-probability will be.
   *
   * @param target class by class, each a map; of zeros
   * @return the sum of the weights
   */
  double fill(int sample, double weight, float[] target, int from, int count) {
    byte[] places = classes.get(sample);
    double sum = 0;
    for (int place = 0; place < places.length; place++) {
      int own = places[place];
      if (own >= 0 && own < count) {
        double counts = weight * weights[own];
        target[from + own * places.length + place] = (float) counts;
        sum += counts;
      }
    }
    return sum;
  }
}
