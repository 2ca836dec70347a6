package dev.headwater.stream.selection;

/** Exposes the low-confidence decision to simulations that select audit samples themselves. */
public final class TestSelector {
  private final Selector selector;

  public TestSelector(Selection selection) {
    selector = new Selector(selection);
  }

  public boolean unsure(float[] features, double confidence, boolean audit) {
    return selector.unsure(features, confidence, audit);
  }
}
