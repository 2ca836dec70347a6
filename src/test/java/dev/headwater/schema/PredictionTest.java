package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;

class PredictionTest {
  private static final JsonSerde<Prediction> JSON = new JsonSerde<>(Prediction.class);

  @Property
  void confidencesAreWrittenWithTheDigitsOfAFloatAndReadBackAsThatFloat(
      @ForAll @FloatRange(min = 0, max = 1) float told) {
    Prediction prediction =
        Prediction.of(
            "r1",
            new Source("records", 0, 7),
            List.of(
                new TaskPrediction("t", "a", told, List.of(new Scored("a", told)), 3, null),
                new TaskPrediction("u", 1 - told, 3, "iVBO", null, (double) told, null)));

    byte[] written = JSON.serializer().serialize("predictions", prediction);

    assertThat(new String(written, StandardCharsets.US_ASCII))
        .contains(
            "\"confidence\":" + told + ",\"top\":[{\"label\":\"a\",\"confidence\":" + told + "}]")
        .contains("\"leastConfidence\":" + told + "}");
    TaskPrediction read = JSON.deserializer().deserialize("predictions", written).leading();
    assertThat((float) read.confidence()).isEqualTo(told);
    assertThat((float) read.top().get(0).confidence()).isEqualTo(told);
  }
}
