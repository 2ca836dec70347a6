package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BatchSizerTest {
  private final BatchSizer sizer = new BatchSizer(32);

  private void run(int runs, int records, long microsPerRecord) {
    for (int i = 0; i < runs; i++) {
      sizer.record(records, records * microsPerRecord * 1_000);
    }
  }

  @Test
  void keepsTheConfiguredSizeUntilBatchesAreKnownToBeShort() {
    assertThat(sizer.batchSize()).isEqualTo(32);
    run(1, 32, 5);
    assertThat(sizer.batchSize()).as("one batch may be an outlier").isEqualTo(32);
  }

  @Test
  void growsToAMillisecondOfWorkAndShrinksAgain() {
    run(300, 32, 5);
    assertThat(sizer.batchSize()).isBetween(199, 201);
    run(300, 200, 10);
    assertThat(sizer.batchSize()).isBetween(99, 101);
    run(300, 100, 400);
    assertThat(sizer.batchSize()).isEqualTo(32);
  }

  @Test
  void computesRecordsPerSecond() {
    assertThat(sizer.recordsPerSecond(2)).as("before the first batch").isEqualTo(200);
    run(300, 32, 500);
    assertThat(sizer.recordsPerSecond(2)).isBetween(3_990, 4_010);
    run(300, 1, 5_000_000);
    assertThat(sizer.recordsPerSecond(2)).isEqualTo(1);
  }

  @Test
  void toleratesOneSlowBatch() {
    run(300, 32, 5);
    run(1, 32, 100);
    assertThat(sizer.batchSize()).isBetween(90, 200);
  }
}
