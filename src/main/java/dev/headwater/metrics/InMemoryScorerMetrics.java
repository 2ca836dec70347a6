package dev.headwater.metrics;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** In-memory counters for tests and reports. Thread-safe. */
public final class InMemoryScorerMetrics implements ScorerMetrics {
  private final AtomicLong received = new AtomicLong();
  private final AtomicLong predicted = new AtomicLong();
  private final AtomicLong deadLettered = new AtomicLong();
  private final AtomicLong reviewed = new AtomicLong();
  private final AtomicLong labelsReceived = new AtomicLong();
  private final AtomicLong labelsMatched = new AtomicLong();
  private final AtomicLong labelsUnmatched = new AtomicLong();
  private final AtomicLong labelsDeadLettered = new AtomicLong();
  private final AtomicLong inferred = new AtomicLong();
  private final AtomicLong swaps = new AtomicLong();
  private final AtomicLong headsRejected = new AtomicLong();

  /** A snapshot of all counters; {@code inferred} counts records. */
  public record Counts(
      long received,
      long predicted,
      long deadLettered,
      long reviewed,
      long labelsReceived,
      long labelsMatched,
      long labelsUnmatched,
      long labelsDeadLettered,
      long inferred,
      long swaps,
      long headsRejected) {}

  public Counts counts() {
    return new Counts(
        received.get(),
        predicted.get(),
        deadLettered.get(),
        reviewed.get(),
        labelsReceived.get(),
        labelsMatched.get(),
        labelsUnmatched.get(),
        labelsDeadLettered.get(),
        inferred.get(),
        swaps.get(),
        headsRejected.get());
  }

  @Override
  public void received() {
    received.incrementAndGet();
  }

  @Override
  public void predicted(long endToEndMillis) {
    predicted.incrementAndGet();
  }

  @Override
  public void deadLettered() {
    deadLettered.incrementAndGet();
  }

  @Override
  public void reviewed() {
    reviewed.incrementAndGet();
  }

  @Override
  public void labelReceived() {
    labelsReceived.incrementAndGet();
  }

  @Override
  public void labelMatched(Duration delay) {
    labelsMatched.incrementAndGet();
  }

  @Override
  public void labelUnmatched() {
    labelsUnmatched.incrementAndGet();
  }

  @Override
  public void labelDeadLettered() {
    labelsDeadLettered.incrementAndGet();
  }

  @Override
  public void recordBatch(int records, long positions, long padding, Duration elapsed) {
    inferred.addAndGet(records);
  }

  @Override
  public void swapped(String task, long version, Duration elapsed) {
    swaps.incrementAndGet();
  }

  @Override
  public void headRejected(String task, String cause) {
    headsRejected.incrementAndGet();
  }
}
