package dev.headwater.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class RecentTest {
  private static final double[] BOUNDS = {1, 2, 4};

  @Test
  void quantilesAreOfWhatCameSince() {
    Recent recent = new Recent(1);
    recent.add(BOUNDS, new double[] {10, 0, 0});
    assertThat(recent.quantile(0.5)).isEqualTo(0.5);

    recent.add(BOUNDS, new double[] {10, 0, 10});
    assertThat(recent.quantile(0.5)).isEqualTo(3);
    assertThat(recent.quantile(1)).isEqualTo(4);

    recent.add(BOUNDS, new double[] {10, 0, 10});
    assertThat(recent.quantile(0.5)).as("nothing came").isNaN();
    assertThat(recent.buckets()).containsEntry("all", List.of(10.0, 0.0, 10.0));
    assertThat(recent.buckets()).containsEntry("latest", List.of(0.0, 0.0, 0.0));
  }
}
