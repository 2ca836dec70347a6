package dev.headwater.gate;

/** What makes one head better than another. */
public enum Metric {
  /** The share of the traffic that is right. */
  ACCURACY,
  /** The mean of the labels' F1, so that a rare label weighs what a frequent one does. */
  MACRO_F1,
  /** What wrong answers cost a record. */
  COST
}
