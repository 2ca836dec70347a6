package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scores;
import dev.headwater.scoring.Scoring;
import dev.headwater.stream.ahead.Memo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Answers from what was begun when the record was polled, or computes it now; under the head that
 * is live now in either case.
 */
final class LiveScorer implements Scorer, Consumer<ConsumerRecords<byte[], byte[]>> {
  private final Scoring scoring;
  private final Set<String> topics;
  private final List<Measure> measures;
  private final int top;
  private final Memo<Inference> memo;
  private final ScorerMetrics metrics;
  private final Set<Integer> partitions = ConcurrentHashMap.newKeySet();

  /**
   * @param tasks their names, in the bundle's order
   * @param estimate bytes of one inference until one has been seen
   */
  LiveScorer(
      Scoring scoring,
      List<String> tasks,
      Topics topics,
      StreamSettings settings,
      long estimate,
      ScorerMetrics metrics) {
    this.metrics = metrics;
    this.scoring = scoring;
    this.measures = tasks.stream().map(task -> settings.selection().doubt(task).measure()).toList();
    this.topics = topics.records().stream().map(Topic::name).collect(Collectors.toSet());
    this.top = settings.top();
    this.memo = new Memo<>(settings.readAheadBytes(), estimate, Inference::bytes);
  }

  /** Begins inference of a poll. */
  @Override
  public void accept(ConsumerRecords<byte[], byte[]> poll) {
    List<byte[]> values = new ArrayList<>();
    List<Memo.Entry<Inference>> entries = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : inTurn(poll)) {
      reserve(record)
          .ifPresent(
              entry -> {
                values.add(record.value());
                entries.add(entry);
              });
    }
    if (!values.isEmpty()) {
      List<CompletableFuture<Inference>> begun = scoring.submit(values);
      for (int i = 0; i < begun.size(); i++) {
        entries.get(i).begun(begun.get(i));
      }
    }
  }

  /** The first of each partition, then the second: tasks take turns, and so they will ask. */
  private List<ConsumerRecord<byte[], byte[]>> inTurn(ConsumerRecords<byte[], byte[]> poll) {
    List<List<ConsumerRecord<byte[], byte[]>>> scored =
        poll.partitions().stream()
            .filter(partition -> topics.contains(partition.topic()))
            .map(poll::records)
            .toList();
    int longest = scored.stream().mapToInt(List::size).max().orElse(0);
    List<ConsumerRecord<byte[], byte[]>> inTurn = new ArrayList<>();
    for (int i = 0; i < longest; i++) {
      for (List<ConsumerRecord<byte[], byte[]>> partition : scored) {
        if (i < partition.size()) {
          inTurn.add(partition.get(i));
        }
      }
    }
    return inTurn;
  }

  private Optional<Memo.Entry<Inference>> reserve(ConsumerRecord<byte[], byte[]> record) {
    byte @Nullable [] value = record.value();
    return value == null
        ? Optional.empty()
        : memo.reserve(
            new TopicPartition(record.topic(), record.partition()), record.offset(), value);
  }

  @Override
  public Answer answer(Source source, byte @Nullable [] key, byte @Nullable [] value)
      throws InvalidRecordException {
    Inference inference = inference(source, value);
    byte[] drawn = key == null ? ownKey(source, inference.recordId()) : key;
    List<Outcome> outcomes = new ArrayList<>(measures.size());
    for (int task = 0; task < measures.size(); task++) {
      try {
        Scores scores = scoring.score(inference, task, drawn);
        outcomes.add(Outcome.of(inference, task, scores, measures.get(task), top));
      } catch (ArithmeticException e) {
        throw new InvalidRecordException(
            "value", String.valueOf(e.getMessage()), inference.recordId());
      }
    }
    return new Answer(inference.recordId(), outcomes);
  }

  private static byte[] ownKey(Source source, @Nullable String recordId) {
    return (recordId == null ? source.recordId() : recordId).getBytes(UTF_8);
  }

  private Inference inference(Source source, byte @Nullable [] value)
      throws InvalidRecordException {
    TopicPartition partition = new TopicPartition(source.topic(), source.partition());
    Optional<CompletableFuture<Inference>> begun = memo.take(partition, source.offset(), value);
    if (begun.isEmpty()) {
      return scoring.infer(value);
    }
    CompletableFuture<Inference> result = begun.get();
    if (result.isDone()) { // most are: reading the clock twice costs more than this
      return scoring.await(result, value);
    }
    long start = System.nanoTime();
    Inference inference = scoring.await(result, value);
    metrics.passed(ScorerMetrics.Stage.WAIT, System.nanoTime() - start);
    return inference;
  }

  @Override
  public void opened(int partition) {
    partitions.add(partition);
  }

  @Override
  public void closed(int partition) {
    partitions.remove(partition);
    topics.forEach(topic -> memo.drop(new TopicPartition(topic, partition)));
  }

  /** Partitions being scored here. */
  int partitions() {
    return partitions.size();
  }

  /** Bytes read ahead now. */
  long held() {
    return memo.held();
  }
}
