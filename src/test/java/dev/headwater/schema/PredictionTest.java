package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Assume;
import net.jqwik.api.Example;
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

  @Property
  void estimatesLikewiseWhereFloatsReachThem(@ForAll double told) {
    double size = Math.abs(told);
    Assume.that(told == 0 || size >= Float.MIN_NORMAL && size <= Float.MAX_VALUE);
    Prediction prediction =
        Prediction.of(
            "r1",
            new Source("records", 0, 7),
            List.of(number(new Estimate(told, told, told), new Estimate(told, null, null))));

    byte[] written = JSON.serializer().serialize("predictions", prediction);

    Estimate read = JSON.deserializer().deserialize("p", written).leading().estimate();
    assertThat((float) read.value()).isEqualTo((float) told);
    assertThat(new BigDecimal(Double.toString(read.value())).precision())
        .as("of a float nine digits tell all")
        .isLessThanOrEqualTo(9);
    assertThat(read).isEqualTo(new Estimate(read.value(), read.value(), read.value()));
  }

  @Example
  void whateverAnAnswerMayHoldIsWrittenAndReadBack() {
    List<TaskPrediction> answers =
        List.of(
            new TaskPrediction("t", null, 0, List.of(), 0, null),
            new TaskPrediction(
                "ü\"", "a\n", .5, List.of(new Scored("b", .25)), 7, new Scored("c", 1)),
            new TaskPrediction("m", .5, 7, "iVBO", Map.of("x", .1, "y", .9), .125, "frOZ"),
            new TaskPrediction("s", null, .5, List.of(), 7, null, List.of("p", "q"), null, null),
            new TaskPrediction("s", null, .5, List.of(), 7, null, List.of(), null, null),
            number(new Estimate(-2.5, -3.0, 0.0), new Estimate(3, null, null)),
            number(new Estimate(1e300, 1e-300, 3.5e38), new Estimate(1e-40, -1e-310, 0d)));
    for (int first = 0; first < answers.size(); first++) {
      List<TaskPrediction> tasks = new ArrayList<>(answers);
      Collections.rotate(tasks, first);
      Prediction prediction = Prediction.of("r ü", new Source("records", 3, 1L << 40), tasks);

      byte[] written = JSON.serializer().serialize("predictions", prediction);

      assertThat(JSON.deserializer().deserialize("predictions", written)).isEqualTo(prediction);
    }
    Prediction one = Prediction.of("r", new Source("records", 0, 0), answers.subList(1, 2));
    assertThat(JSON.deserializer().deserialize("p", JSON.serializer().serialize("p", one)))
        .isEqualTo(one);
    for (RecordComponent part : TaskPrediction.class.getRecordComponents()) {
      assertThat(answers).as(part.getName()).anyMatch(answer -> told(answer, part) != null);
    }
  }

  private static TaskPrediction number(Estimate estimate, Estimate frozen) {
    return new TaskPrediction("n", null, .5, List.of(), 7, null, null, estimate, frozen);
  }

  private static Object told(TaskPrediction answer, RecordComponent part) {
    try {
      return part.getAccessor().invoke(answer);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(part.getName(), e);
    }
  }
}
