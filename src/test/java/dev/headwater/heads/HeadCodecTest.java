package dev.headwater.heads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.schema.Head;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Safetensors;
import dev.headwater.schema.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadCodecTest {

  @Test
  void readsBackTheHeadItWrote() throws Exception {
    Head head = TestHeads.head(7);
    assertThat(HeadCodec.read(HeadCodec.write(head))).isEqualTo(head);
  }

  @Test
  void writesWhatAnySafetensorsReaderCanRead() throws Exception {
    // when
    Safetensors.Contents file = Safetensors.read(HeadCodec.write(TestHeads.head(7)));

    // then
    assertThat(file.tensors())
        .containsOnlyKeys("w", "b", "golden.features", "golden.logits", "source.counts");
    assertThat(file.metadata())
        .containsEntry("task", "intent")
        .containsEntry("version", "7")
        .containsEntry("parent", "6")
        .containsEntry("labels", "[\"buy\",\"sell \\\"now\\\"\",\"quité\"]")
        .containsEntry("backbone", TestHeads.BACKBONE)
        .containsEntry("created", "2026-11-23T10:15:30.123456789Z")
        .containsEntry("trigger", "samples")
        .containsEntry("device", "cpu")
        .containsKey("verdict");
  }

  @ParameterizedTest
  @CsvSource({
    "version, seven, unreadable",
    "created, yesterday, unreadable",
    "labels, buy, not valid JSON for their type",
    "labels, '[null]', unreadable",
    "labels, null, unreadable",
    "verdict, '{}', not valid JSON for their type",
    "verdict, null, unreadable",
    "task, , lacks 'task'",
    "backbone, , lacks 'backbone'",
  })
  void refusesMetadataThatDescribesNoHead(String key, String value, String reason)
      throws Exception {
    // given
    Safetensors.Contents file = Safetensors.read(HeadCodec.write(TestHeads.head(7)));
    Map<String, String> metadata = new HashMap<>(file.metadata());
    metadata.remove(key);
    if (value != null) {
      metadata.put(key, value);
    }
    byte[] bytes = Safetensors.write(file.tensors(), metadata);

    // when, then
    assertThatThrownBy(() -> HeadCodec.read(bytes))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void refusesAHeadThatCannotBeChecked() throws Exception {
    // given
    Safetensors.Contents file = Safetensors.read(HeadCodec.write(TestHeads.head(7)));
    Map<String, Tensor> tensors = new HashMap<>(file.tensors());
    tensors.remove("golden.logits");
    byte[] bytes = Safetensors.write(tensors, file.metadata());

    // when, then
    assertThatThrownBy(() -> HeadCodec.read(bytes))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("golden.logits");
  }

  @Test
  void refusesToWriteAWeightUnderAGoldenName() {
    Tensor x = TestHeads.filled(1, 1);
    Head head = new Head(TestHeads.info(1), Map.of("golden.logits", x), x, x);
    assertThatThrownBy(() -> HeadCodec.write(head))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("golden.logits");
  }

  @Property(tries = 1000, seed = "20261123")
  void throwsNothingButARefusalForAnyMutation(@ForAll long seed) {
    // given
    Random random = new Random(seed);
    byte[] mutated = HeadCodec.write(TestHeads.head(7));
    for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
      mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
    }

    // when, then
    try {
      assertThat(HeadCodec.read(mutated).info()).isNotNull();
    } catch (RejectedHeadException e) {
      assertThat(e.getMessage()).endsWith(".");
    }
  }
}
