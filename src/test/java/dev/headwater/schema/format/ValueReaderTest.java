package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ValueReaderTest {
  @Test
  void textIsWhatPeopleCanRead() {
    assertThat(ValueReader.JSON.text("{\"a\": \"ä\"}".getBytes(UTF_8))).contains("{\"a\": \"ä\"}");
    assertThat(ValueReader.JSON.text(new byte[] {(byte) 0xFF, 'a'})).isEmpty();
    assertThat(ValueReader.JSON.text(new byte[8])).as("a tensor of zeros, valid UTF-8").isEmpty();
  }
}
