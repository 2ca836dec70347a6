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
 * Scores records with the current live heads. Inference starts ahead, when a record is polled; it
 * runs on demand if it was not started.
 */
final class LiveScorer implements Scorer, Consumer<ConsumerRecords<byte[], byte[]>> {
  private final Scoring scoring;
  private final Set<String> topics;
  private final List<Measure> measures;
  private final int topK;
  private final Memo<Inference> memo;
  private final ScorerMetrics metrics;
  private final Set<Integer> partitions = ConcurrentHashMap.newKeySet();

  /**
   * @param tasks task names, in the order of the bundle
   * @param estimate estimated size of an inference in bytes, until one was measured
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
    this.measures =
        tasks.stream().map(task -> settings.selection().lowConfidence(task).measure()).toList();
    this.topics = topics.records().stream().map(Topic::name).collect(Collectors.toSet());
    this.topK = settings.topK();
    this.memo = new Memo<>(settings.readAheadBytes(), estimate, Inference::bytes);
  }

  /** Starts inference for the records of a poll. */
  @Override
  public void accept(ConsumerRecords<byte[], byte[]> poll) {
    List<byte[]> values = new ArrayList<>();
    List<Memo.Entry<Inference>> entries = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : interleaved(poll)) {
      reserve(record)
          .ifPresent(
              entry -> {
                values.add(record.value());
                entries.add(entry);
              });
    }
    if (!values.isEmpty()) {
      List<CompletableFuture<Inference>> pending = scoring.submit(values);
      for (int i = 0; i < pending.size(); i++) {
        entries.get(i).begun(pending.get(i));
      }
    }
  }

  /** Returns the first record of each partition, then the second: the order of processing. */
  private List<ConsumerRecord<byte[], byte[]>> interleaved(ConsumerRecords<byte[], byte[]> poll) {
    List<List<ConsumerRecord<byte[], byte[]>>> scored =
        poll.partitions().stream()
            .filter(partition -> topics.contains(partition.topic()))
            .map(poll::records)
            .toList();
    int longest = scored.stream().mapToInt(List::size).max().orElse(0);
    List<ConsumerRecord<byte[], byte[]>> interleaved = new ArrayList<>();
    for (int i = 0; i < longest; i++) {
      for (List<ConsumerRecord<byte[], byte[]>> partition : scored) {
        if (i < partition.size()) {
          interleaved.add(partition.get(i));
        }
      }
    }
    return interleaved;
  }

  private Optional<Memo.Entry<Inference>> reserve(ConsumerRecord<byte[], byte[]> record) {
    byte @Nullable [] value = record.value();
    return value == null
        ? Optional.empty()
        : memo.reserve(
            new TopicPartition(record.topic(), record.partition()), record.offset(), value);
  }

  @Override
  public Result score(Source source, byte @Nullable [] key, byte @Nullable [] value)
      throws InvalidRecordException {
    Inference inference = inference(source, value);
    byte[] headKey = key == null ? idKey(source, inference.recordId()) : key;
    List<Outcome> outcomes = new ArrayList<>(measures.size());
    for (int task = 0; task < measures.size(); task++) {
      try {
        Scores scores = scoring.score(inference, task, headKey);
        outcomes.add(Outcome.of(inference, task, scores, measures.get(task), topK));
      } catch (ArithmeticException e) {
        throw new InvalidRecordException(
            "value", String.valueOf(e.getMessage()), inference.recordId());
      }
    }
    return new Result(inference.recordId(), outcomes);
  }

  private static byte[] idKey(Source source, @Nullable String recordId) {
    return (recordId == null ? source.recordId() : recordId).getBytes(UTF_8);
  }

  private Inference inference(Source source, byte @Nullable [] value)
      throws InvalidRecordException {
    TopicPartition partition = new TopicPartition(source.topic(), source.partition());
    Optional<CompletableFuture<Inference>> ahead = memo.take(partition, source.offset(), value);
    if (ahead.isEmpty()) {
      return scoring.infer(value);
    }
    CompletableFuture<Inference> result = ahead.get();
    if (result.isDone()) { // the common case: skip the cost of reading the clock twice
      return scoring.await(result, value);
    }
    long start = System.nanoTime();
    Inference inference = scoring.await(result, value);
    metrics.recordStage(ScorerMetrics.Stage.WAIT, System.nanoTime() - start);
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

  /** Returns the number of partitions scored by this instance. */
  int partitions() {
    return partitions.size();
  }

  /** Returns the bytes of results computed ahead. */
  long held() {
    return memo.held();
  }
}
