package dev.headwater.stream;

/** The label budget, for simulations in other rooms. */
public final class TestBudget {
  private final LabelBudget budget;

  public TestBudget(double share, double auditShare, int window) {
    budget = new LabelBudget(share, auditShare, window);
  }

  public boolean grants(double confidence, boolean wanted, boolean audit) {
    return budget.grants(confidence, wanted, audit);
  }
}
