package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PredictionTest {
  @Test
  void writesProbabilitiesInTheDigitsOfAFloat() throws Exception {
    Source source = new Source("records", 0, 7);
    List<Scored> top = List.of(new Scored("b", 0.7f), new Scored("a", 1e-9f));

    String json =
        Json.MAPPER.writeValueAsString(
            new Prediction("r", "task", "b", 0.7f, top, 3, source, new Scored("a", 0.6f)));

    assertThat(json)
        .contains("\"label\":\"b\",\"confidence\":0.7,\"top\"")
        .contains("{\"label\":\"b\",\"confidence\":0.7}")
        .contains("{\"label\":\"a\",\"confidence\":1.0E-9}")
        .contains("\"frozen\":{\"label\":\"a\",\"confidence\":0.6}");
    assertThat((float) Json.MAPPER.readValue(json, Prediction.class).confidence()).isEqualTo(0.7f);
  }
}
