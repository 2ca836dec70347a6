package dev.headwater.stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Json;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.scoring.Outcome;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Answers with the confidence a record asks for: {@code {"id", "confidence", "label", "features"}}.
 */
final class StubScorer implements Scorer {
  static final float[] FEATURES = {1, 2, 3};
  final Set<Integer> open = new TreeSet<>();
  int tasks = 1;
  double unlabelled;

  /** The task another draws for. */
  String drawsNone = "";

  /**
   * Confidence for the second task, whose features are one more; as of the first where it is not
   * set.
   */
  double secondConfidence = Double.NaN;

  boolean secondIsCold;
  long headVersion = 7;
  boolean binary;

  @Override
  public Result score(Source source, byte @Nullable [] key, byte @Nullable [] value)
      throws InvalidRecordException {
    if (binary) {
      return answer(null, null, FEATURES, List.of(new Scored("yes", 0)));
    }
    JsonNode node = read(value);
    if (node.has("fail")) {
      throw new UnsupportedOperationException("native failure");
    }
    if (node.has("break")) {
      throw new IllegalStateException("scoring is closed");
    }
    List<Scored> top =
        headVersion < 0
            ? List.of()
            : List.of(
                new Scored("yes", node.path("confidence").asDouble(1)), new Scored("no", 0.0));
    float[] features =
        node.has("features")
            ? Json.MAPPER.convertValue(node.get("features"), float[].class)
            : FEATURES;
    return answer(node.path("id").textValue(), node.path("label").textValue(), features, top);
  }

  private Result answer(
      @Nullable String id, @Nullable String label, float[] features, List<Scored> top) {
    long version = Math.max(0, headVersion);
    double confidence = top.isEmpty() ? 0 : top.get(0).confidence();
    Outcome outcome = new Outcome(label, features, top, confidence, version, null);
    float[] wider = Arrays.copyOf(features, features.length + 1);
    List<Scored> own = List.of(new Scored("yes", secondConfidence));
    Outcome cold = new Outcome(label, features, List.of(), 0, 0, null);
    Outcome second =
        secondIsCold
            ? cold
            : Double.isNaN(secondConfidence)
                ? outcome
                : new Outcome(label, wider, own, secondConfidence, version, null);
    return new Result(id, List.of(outcome, second).subList(0, tasks));
  }

  private static JsonNode read(byte @Nullable [] value) throws InvalidRecordException {
    if (value == null) {
      throw new InvalidRecordException("value", "is a tombstone", null);
    }
    try {
      return Json.MAPPER.readTree(value);
    } catch (IOException e) {
      throw new InvalidRecordException("value", "is not JSON", null);
    }
  }

  @Override
  public void opened(int partition) {
    open.add(partition);
  }

  @Override
  public void closed(int partition) {
    open.remove(partition);
  }
}
