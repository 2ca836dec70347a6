package dev.headwater.replay.recorded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class BoundTest {
  @Test
  void readsOffsetsAndTimes() {
    assertThat(Bound.parse("0")).isEqualTo(Bound.BEGINNING);
    assertThat(Bound.parse("1700")).isEqualTo(new Bound.Offset(1700));
    assertThat(Bound.parse("2026-01-31"))
        .isEqualTo(new Bound.Time(Instant.parse("2026-01-31T00:00:00Z")));
    assertThat(Bound.parse("2026-01-31T12:00:00+01:00"))
        .isEqualTo(new Bound.Time(Instant.parse("2026-01-31T11:00:00Z")));
  }

  @Test
  void refusesWhatIsNeither() {
    for (String text : new String[] {"-1", "", "now", "2026-01-31T12:00", "99999999999999999999"}) {
      assertThatThrownBy(() -> Bound.parse(text))
          .as(text)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected an offset or a time");
    }
  }
}
