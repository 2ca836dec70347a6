package dev.headwater.gate;

/** A candidate against the live head on the same samples. */
interface Comparison {
  /** Estimated change on the traffic, above 0 where the candidate is better. */
  double gain();

  /** Of {@link #gain}, were the heads alike. */
  double standardError();

  /** Samples on which the heads differ in what counts. */
  int discordant();

  /** How likely heads that are alike were to look this good for the candidate. */
  double pBetter();

  /** As {@link #pBetter}, this bad. */
  double pWorse();
}
