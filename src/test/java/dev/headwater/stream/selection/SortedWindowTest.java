package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class SortedWindowTest {

  @Property
  void returnsEveryQuantileOfTheWindow(
      @ForAll @IntRange(min = 1, max = 20) int size,
      @ForAll @Size(max = 100) List<@IntRange(max = 15) Integer> values) {
    SortedWindow window = new SortedWindow(size);
    List<Double> last = new ArrayList<>();

    for (int value : values) {
      window.remember(value);
      last.add((double) value);
      List<Double> sorted =
          last.subList(Math.max(0, last.size() - size), last.size()).stream().sorted().toList();
      assertThat(window.count()).isEqualTo(sorted.size());
      for (int rank = 0; rank < sorted.size(); rank++) {
        assertThat(window.quantile((rank + 0.5) / sorted.size())).isEqualTo(sorted.get(rank));
      }
      assertThat(window.quantile(1)).isInfinite();
    }
  }
}
