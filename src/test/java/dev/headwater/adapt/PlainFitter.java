package dev.headwater.adapt;

/** A fitter of the tests' own, on the CPU: it loads nothing, and is soon over. */
interface PlainFitter extends Fitter {
  @Override
  default String device() {
    return "cpu";
  }

  @Override
  default void warmUp() {}

  @Override
  default void cancel() {}
}
