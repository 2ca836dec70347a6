package dev.headwater.stream.selection;

/** Whether a record is unsure, for simulations in other rooms, which draw their own audit. */
public final class TestSelector {
  private final Selector selector;

  public TestSelector(Selection selection) {
    selector = new Selector(selection);
  }

  public boolean unsure(float[] features, double certainty, boolean audit) {
    return selector.unsure(features, certainty, audit);
  }
}
