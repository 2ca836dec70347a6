package dev.headwater.gate;

import java.util.List;

/**
 * How the masks of two heads overlap the true one of a record: in pixels of the foreground, those
 * right and those in either mask.
 *
 * @param liveRight share of all its pixels, the background's as well, that the live head tells
 *     right
 * @param right the same of the candidate
 */
public record Overlap(
    double liveIntersection,
    double liveUnion,
    double intersection,
    double union,
    double liveRight,
    double right) {

  /** Intersection over union under the live head, over all of these. */
  static double live(List<Trial> trials) {
    return share(trials, true);
  }

  /** The same under the candidate. */
  static double candidate(List<Trial> trials) {
    return share(trials, false);
  }

  /**
   * The same trials, each with its part in the change of IoU over all of them: their weighted mean
   * is that change. The mean of the records' own changes is another number: a record with next to
   * no foreground loses all of its IoU to a few pixels. Where neither head finds anything they are
   * all there is.
   *
   * @param trials which all have an overlap
   */
  static List<Trial> pooled(List<Trial> trials) {
    if (trials.stream().allMatch(t -> t.masks().finds() == 0)) {
      return trials; // over all, IoU is 0 then however little or much is seen where nothing is
    }
    double live = live(trials);
    double union = trials.stream().mapToDouble(t -> t.weight() * t.masks().union()).sum();
    double weight = trials.stream().mapToDouble(Trial::weight).sum();
    double unit = union == 0 ? 1 : union / weight;
    return trials.stream().map(t -> t.gaining(t.masks().beyond(live) / unit)).toList();
  }

  private double finds() {
    return liveIntersection + intersection;
  }

  /** What the candidate finds beyond a head that finds this share of any union. */
  private double beyond(double share) {
    return intersection - share * union - (liveIntersection - share * liveUnion);
  }

  private static double share(List<Trial> trials, boolean ofLive) {
    double intersection = 0;
    double union = 0;
    for (Trial trial : trials) {
      Overlap masks = trial.masks();
      intersection += trial.weight() * (ofLive ? masks.liveIntersection : masks.intersection);
      union += trial.weight() * (ofLive ? masks.liveUnion : masks.union);
    }
    return union == 0 ? 1 : intersection / union;
  }
}
