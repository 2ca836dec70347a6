package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Sample;
import org.junit.jupiter.api.Test;

class MemoryTest {
  private final Samples samples = new Samples("task", "backbone", 4);
  private final Memory memory = new Memory(10);

  @Test
  void aLaterLabelOfARecordCorrectsItInPlace() {
    memory.put(remembered("r1", 0, 5));
    memory.put(remembered("r2", 0, 6));

    boolean news = memory.put(remembered("r1", 1, 7));

    assertThat(news).isTrue();
    assertThat(memory.samples())
        .extracting(Remembered::recordId, Remembered::label, Remembered::offset)
        .as("with the offset it first had: a head that trained on it still did")
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("r1", "l1", 5L),
            org.assertj.core.groups.Tuple.tuple("r2", "l0", 6L));
  }

  @Test
  void theSameLabelAgainIsNoNews() {
    memory.put(remembered("r1", 0, 5));

    Remembered again = remembered("r1", 0, 6);
    assertThat(memory.put(again)).isFalse();
    assertThat(memory.samples())
        .singleElement()
        .satisfies(kept -> assertThat(kept.offset()).isEqualTo(5))
        .satisfies(kept -> assertThat(kept.features()).as("of now").isSameAs(again.features()));
  }

  @Test
  void theOldestOfTheMostFrequentLabelMakesRoom() {
    memory.put(remembered("rare", 1, 0));
    for (int i = 0; i < 12; i++) {
      memory.put(remembered("r" + i, 0, i + 1));
    }

    assertThat(memory.samples())
        .extracting(Remembered::recordId)
        .hasSize(10)
        .contains("rare", "r11")
        .doesNotContain("r0", "r1", "r2");
  }

  /** Many of them are zero, say, and a head of numbers that knows no zeros tells none. */
  @Test
  void ofNumbersTheOldestMakesRoom() {
    Memory numbers = new Memory(new Kind.Quantity(false), 10);
    for (int i = 0; i < 15; i++) {
      String label = i < 5 ? String.valueOf(i + 1) : "0";
      numbers.put(remembered("r" + i, 0, i).labelled(label));
    }

    assertThat(numbers.samples())
        .extracting(Remembered::recordId)
        .containsExactly("r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14");
  }

  @Test
  void anErasedRecordIsGoneAndMakesRoom() {
    for (int i = 0; i < 10; i++) {
      memory.put(remembered("r" + i, 0, i));
    }
    memory.erase("r3");
    memory.erase("nobody");
    memory.put(remembered("later", 0, 10));

    assertThat(memory.samples())
        .extracting(Remembered::recordId)
        .hasSize(10)
        .contains("r0", "later")
        .doesNotContain("r3");
    assertThat(memory.put(remembered("r3", 0, 11))).as("it may come again").isTrue();
  }

  @Test
  void samplesGoByTheNamesTheirLabelsHaveNow() {
    memory.put(remembered("r0", 0, 0));
    memory.put(remembered("r1", 1, 1));
    memory.put(remembered("r2", 2, 2));

    memory.relabel(LabelAliases.none("task").renamed("l0", "ham").retired("l1"));

    assertThat(memory.samples())
        .extracting(Remembered::recordId, Remembered::label, Remembered::offset)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("r0", "ham", 0L),
            org.assertj.core.groups.Tuple.tuple("r2", "l2", 2L));
    assertThat(memory.put(remembered("r0", 0, 3))).as("the same by its old name").isFalse();
    assertThat(memory.put(remembered("r3", 1, 4))).as("of a retired label").isFalse();
    memory.put(remembered("r2", 1, 5));
    assertThat(memory.samples())
        .extracting(Remembered::recordId)
        .as("r2 was corrected to a retired label")
        .containsExactly("r0");
  }

  private Remembered remembered(String id, int label, long offset) {
    Sample sample = samples.of(id, label);
    return Remembered.of(sample, 0, offset);
  }
}
