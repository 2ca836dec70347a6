package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.schema.Label;
import dev.headwater.schema.Topic;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** W3C Trace Context goes from what is read to everything written because of it. */
class TraceTest {
  private static final byte[] UNSURE = "{\"id\":\"r1\",\"confidence\":0.2}".getBytes(UTF_8);
  private static final String RECORD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  private static final String LABEL = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  @TempDir Path state;
  private Driven driven;

  @BeforeEach
  void start() {
    driven = new Driven(state, new Selection(0, 1));
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void fromARecordToPredictionReviewAndPending() {
    driven.record("k", UNSURE, trace(RECORD));

    for (Topic<?, ?> topic :
        List.of(driven.topics.predictions(), driven.topics.review(), driven.topics.pending())) {
      TestRecord<?, ?> written = only(topic);
      assertThat(Driven.header(written, "traceparent")).as(topic.name()).isEqualTo(RECORD);
      assertThat(Driven.header(written, "tracestate")).as(topic.name()).isEqualTo("a=b");
      assertThat(Driven.header(written, "secret")).as("not ours to spread").isNull();
    }
  }

  @Test
  void fromWhicheverCameLastToASample() {
    driven.record("k", UNSURE, trace(RECORD));
    driven.label(Driven.json(new Label("r1", "answer", "no")), trace(LABEL));
    assertThat(Driven.header(only(driven.topics.samples()), "traceparent")).isEqualTo(LABEL);

    driven.label(Driven.json(new Label("r2", "answer", "no")), trace(LABEL));
    driven.record(
        "k", new String(UNSURE, UTF_8).replace("r1", "r2").getBytes(UTF_8), trace(RECORD));
    assertThat(Driven.header(only(driven.topics.samples()), "traceparent")).isEqualTo(RECORD);
  }

  @Test
  void toTheTombstonesOfAnErasure() {
    driven.erase("r1", trace(LABEL));

    assertThat(Driven.header(only(driven.topics.samples()), "traceparent")).isEqualTo(LABEL);
    assertThat(Driven.header(only(driven.topics.review()), "traceparent")).isEqualTo(LABEL);
  }

  @Test
  void toDeadLettersOfRecordsAndOfLabels() {
    driven.record("k", "bad".getBytes(UTF_8), trace(RECORD));
    driven.label("bad".getBytes(UTF_8), trace(LABEL));

    assertThat(driven.read(driven.topics.deadLetters()))
        .extracting(letter -> Driven.header(letter, "traceparent"))
        .containsExactlyInAnyOrder(RECORD, LABEL);
  }

  private TestRecord<?, ?> only(Topic<?, ?> topic) {
    List<? extends TestRecord<?, ?>> written = driven.read(topic);
    assertThat(written).as(topic.name()).hasSize(1);
    return written.get(0);
  }

  private static Headers trace(String parent) {
    return new RecordHeaders()
        .add("traceparent", parent.getBytes(UTF_8))
        .add("tracestate", "a=b".getBytes(UTF_8))
        .add("secret", "s".getBytes(UTF_8));
  }
}
