package dev.headwater.gate;

/** The metric by which heads are compared. */
public enum Metric {
  /** The fraction of the traffic with a correct prediction. */
  ACCURACY,
  /** The mean F1 over the labels, so that rare and frequent labels count the same. */
  MACRO_F1,
  /** The mean cost of errors per record. */
  COST
}
