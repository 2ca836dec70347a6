package dev.headwater.gate;

/** A comparison of a candidate with the live head on the same samples. */
interface Comparison {
  /** Returns the estimated gain on the traffic; positive if the candidate is better. */
  double gain();

  /** Returns the standard error of {@link #gain} under the null hypothesis of equal heads. */
  double standardError();

  /** Returns the number of samples on which the heads differ in the metric. */
  int discordant();

  /** Returns the one-sided p-value that the candidate is better. */
  double pBetter();

  /** Returns the one-sided p-value that the candidate is worse. */
  double pWorse();
}
