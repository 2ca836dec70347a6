package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.schema.Label;
import dev.headwater.schema.format.ValueReader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelReaderTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'yes' | yes",
        "3 | 3",
        "-2.5 | -2.5",
        "12345678901234567890123 | 12345678901234567890123",
        "['b', 'a', 'b'] | [\"a\",\"b\"]",
        "[] | []"
      })
  void takesStringsNumbersAndArraysOfStrings(String label, String text) throws Exception {
    Label read = read("{'recordId': 'r', 'other': {}, 'label': " + label + ", 'task': 't'}");

    assertThat(read).isEqualTo(new Label("r", "t", text));
  }

  @Test
  void takesAWholeNumberForAnId() throws Exception {
    assertThat(read("{'recordId': 17, 'task': 't', 'label': 'x'}").recordId()).isEqualTo("17");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'recordId': 'r', 'task': 't', 'label': true} | /label | a boolean, expected | r",
        "{'recordId': 'r', 'task': 't', 'label': {}} | /label | an object | r",
        "{'recordId': 'r', 'task': 't', 'label': 1e400} | /label | a number, expected | r",
        "{'recordId': 'r', 'task': 't', 'label': ['a', 1]} | /label | an array, expected | r",
        "{'recordId': 'r', 'task': 't', 'label': ' '} | /label | blank | r",
        "{'recordId': 'r', 'task': 't', 'label': null} | /label | missing | r",
        "{'recordId': 'r', 'task': 't'} | /label | missing | r",
        "{'label': 'x', 'task': ['t'], 'recordId': 'r'} | /task | an array | r",
        "{'label': 'x', 'task': 1.5, 'recordId': 'r'} | /task | number | r",
        "{'label': 'x', 'recordId': 'r'} | /task | missing | r",
        "{'label': 'x', 'task': 't', 'recordId': {'of': 'r'}} | /recordId | an object |",
        "{'label': 'x', 'task': 't', 'recordId': ''} | /recordId | blank |",
        "{'label': 'x', 'task': 't'} | /recordId | missing |",
        "{'label': 'x', 'task': 't', 'recordId': 'r\\ud800'} | /recordId | surrogate |",
        "{'label': 'x\\udc00', 'task': 't', 'recordId': 'r'} | /label | surrogate | r",
        "{'label': ['\\ud800x'], 'task': 't', 'recordId': 'r'} | /label | surrogate | r",
        "{'label': 'x', 'label': 'y', 'task': 't', 'recordId': 'r'} | value | not a label |",
        "{'label': 'x', 'task': 't', 'recordId': 'r'} {} | value | not a label |",
        "{'label': 'x', | value | not a label |",
        "['x'] | value | not an object |",
        "null | value | not an object |",
        "`` | value | empty |"
      })
  void namesTheFieldAtFaultAndTheRecord(
      String value, String field, String cause, @Nullable String id) {
    InvalidRecordException refused =
        catchThrowableOfType(InvalidRecordException.class, () -> read(value));

    assertThat(refused.field()).isEqualTo(field);
    assertThat(refused).hasMessageContaining(cause);
    assertThat(refused.recordId()).isEqualTo(id);
  }

  private static Label read(String value) throws InvalidRecordException {
    return LabelReader.read(ValueReader.JSON, value.replace('\'', '"').getBytes(UTF_8));
  }
}
