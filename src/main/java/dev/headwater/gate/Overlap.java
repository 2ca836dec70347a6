package dev.headwater.gate;

import java.util.List;

/**
 * The overlap of the masks of two heads with the true mask of a record. Intersections and unions
 * are counts of foreground pixels.
 *
 * @param liveIntersection of the live head's mask with the true mask
 * @param liveUnion of the live head's mask with the true mask
 * @param intersection of the candidate's mask with the true mask
 * @param union of the candidate's mask with the true mask
 * @param liveRight fraction of all pixels, including background, that the live head predicts
 *     correctly
 * @param right the same fraction for the candidate
 */
public record Overlap(
    double liveIntersection,
    double liveUnion,
    double intersection,
    double union,
    double liveRight,
    double right) {

  /** Returns the intersection over union of the live head, pooled over the trials. */
  static double live(List<Trial> trials) {
    return iou(trials, true);
  }

  /** Returns the intersection over union of the candidate, pooled over the trials. */
  static double candidate(List<Trial> trials) {
    return iou(trials, false);
  }

  /**
   * Returns the trials with gains whose weighted mean is the change of the pooled IoU. The mean
   * change of IoU per record is a different number: a record with little foreground loses all of
   * its IoU to a few pixels. If neither head finds any foreground, the gains stay per record.
   *
   * @param trials trials that all have an overlap
   */
  static List<Trial> pooled(List<Trial> trials) {
    if (trials.stream().allMatch(t -> t.masks().totalIntersection() == 0)) {
      return trials; // the pooled IoU is 0 then, whatever the false positives
    }
    double live = live(trials);
    double union = trials.stream().mapToDouble(t -> t.weight() * t.masks().union()).sum();
    double weight = trials.stream().mapToDouble(Trial::weight).sum();
    double unit = union == 0 ? 1 : union / weight;
    return trials.stream().map(t -> t.gaining(t.masks().excess(live) / unit)).toList();
  }

  private double totalIntersection() {
    return liveIntersection + intersection;
  }

  /** Returns the candidate's intersection beyond that of a head with this IoU, relative to live. */
  private double excess(double iou) {
    return intersection - iou * union - (liveIntersection - iou * liveUnion);
  }

  private static double iou(List<Trial> trials, boolean ofLive) {
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
