package dev.headwater.replay.recorded;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * Transfers the memory of an old deployment to one with a new backbone. It combines the labels of
 * the old samples with features that the new backbone computes from the records still on the
 * topics.
 *
 * <p>Failure contract: samples are committed once per poll. After an interruption, repeat the run
 * from the start: the trainer upserts samples by record id. Records that cannot be embedded are
 * reported and counted; the others continue.
 */
public final class Reembedding {
  private final String name;
  private final Bundle bundle;
  private final Scoring scoring;
  private final Topics topics;
  private final Map<String, Object> kafka;
  private final Consumer<String> progress;

  /**
   * @param name name of the new deployment
   * @param scoring scoring of its bundle, with its live heads installed
   * @param topics topics of the new deployment; its records topics are read
   * @param progress receives a line per poll, and one per record that cannot be embedded
   */
  public Reembedding(
      String name,
      Bundle bundle,
      Scoring scoring,
      Topics topics,
      Map<String, Object> kafka,
      Consumer<String> progress) {
    this.name = name;
    this.bundle = bundle;
    this.scoring = scoring;
    this.topics = topics;
    this.kafka = kafka;
    this.progress = progress;
  }

  /**
   * The number of labelled records by result.
   *
   * @param embedded records with a new sample
   * @param gone records not on the records topics: expired, or never there (labelled history)
   * @param rejected records that the new bundle cannot decode or whose labels it does not have
   * @param left number of offsets not read after a cancellation; missing records may be among them
   */
  public record Summary(int embedded, int gone, int rejected, long left) {}

  /**
   * Re-embeds the labelled records of a range.
   *
   * @param old labels of the old deployment for the tasks of the new one
   * @param until exclusive end
   * @param cancelled counted down by another thread to stop after the current poll
   * @throws KafkaException if the broker fails; nothing of the current poll is written then
   */
  public Summary run(KnownLabels old, Bound from, Bound until, CountDownLatch cancelled) {
    List<String> records = topics.records().stream().map(Topic::name).toList();
    String run = name + "-reembed";
    Set<String> embedded = new HashSet<>();
    Set<String> invalid = new HashSet<>();
    try (Relay relay = new Relay(kafka, run);
        TopicRange range = TopicRange.open(kafka, records, from, until, Optional.of(run))) {
      relay.begin();
      while (range.left() > 0 && cancelled.getCount() > 0) {
        List<ProducerRecord<byte[], byte[]>> samples = new ArrayList<>();
        embed(labelled(range.poll(), old), old, samples, embedded, invalid);
        if (!samples.isEmpty()) {
          relay.write(samples, range, "");
          progress.accept(
              "%,d of %,d records embedded, %,d offsets left"
                  .formatted(embedded.size(), old.records().size(), range.left()));
        }
      }
      invalid.removeAll(embedded);
      int gone = old.records().size() - embedded.size() - invalid.size();
      return new Summary(embedded.size(), gone, invalid.size(), range.left());
    }
  }

  private Map<ConsumerRecord<byte[], byte[]>, String> labelled(
      List<ConsumerRecord<byte[], byte[]>> poll, KnownLabels old) {
    Map<ConsumerRecord<byte[], byte[]>, String> labelled = new LinkedHashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : poll) {
      String id = id(record);
      if (old.records().contains(id)) {
        labelled.put(record, id);
      }
    }
    return labelled;
  }

  private String id(ConsumerRecord<byte[], byte[]> record) {
    Source source = new Source(record.topic(), record.partition(), record.offset());
    if (RecordId.header(record.headers()) != null) {
      return RecordId.of(record.headers(), null, source); // no need to decode the value
    }
    try {
      return RecordId.of(record.headers(), scoring.recordId(record.value()), source);
    } catch (InvalidRecordException e) {
      return RecordId.of(record.headers(), e.recordId(), source);
    }
  }

  private void embed(
      Map<ConsumerRecord<byte[], byte[]>, String> records,
      KnownLabels old,
      List<ProducerRecord<byte[], byte[]>> samples,
      Set<String> embedded,
      Set<String> invalid) {
    List<CompletableFuture<Inference>> inferences =
        scoring.submit(records.keySet().stream().map(ConsumerRecord::value).toList());
    int i = 0;
    for (Map.Entry<ConsumerRecord<byte[], byte[]>, String> entry : records.entrySet()) {
      ConsumerRecord<byte[], byte[]> record = entry.getKey();
      String id = entry.getValue();
      try {
        Inference inference = scoring.await(inferences.get(i++), record.value());
        samples.addAll(samples(record, id, inference, old));
        embedded.add(id);
      } catch (InvalidRecordException | ArithmeticException e) {
        progress.accept("cannot embed record %s: %s".formatted(id, e.getMessage()));
        invalid.add(id);
      }
    }
  }

  /**
   * Creates the samples of a record.
   *
   * @throws InvalidRecordException if its labels are invalid for every task
   */
  private List<ProducerRecord<byte[], byte[]>> samples(
      ConsumerRecord<byte[], byte[]> record, String id, Inference inference, KnownLabels old)
      throws InvalidRecordException {
    List<ProducerRecord<byte[], byte[]>> samples = new ArrayList<>();
    InvalidRecordException invalid = null;
    for (int i = 0; i < bundle.tasks().size(); i++) {
      Task task = bundle.tasks().get(i);
      KnownLabels.@Nullable Known known = old.of(id).get(task.name());
      if (known != null && known.reason() != null) {
        try {
          task.checkLabel(known.label(), "label", id);
        } catch (InvalidRecordException e) {
          invalid = e; // the other tasks continue
          continue;
        }
        Sample sample =
            Outcome.of(inference, i, scoring.score(inference, i), Measure.MAX_PROBABILITY, 1)
                .sample(id, task.name(), task.fingerprint(), task.tiling().orElse(null))
                .setReason(known.reason())
                .setWeight(known.weight())
                .setRecordTime(Instant.ofEpochMilli(Math.max(0, record.timestamp())))
                .setLabel(known.label())
                .setLabelTime(Instant.ofEpochMilli(known.at()))
                .build();
        String topic = topics.samples().name();
        samples.add(
            new ProducerRecord<>(
                topic,
                topics.samples().key().serializer().serialize(topic, id),
                topics.samples().value().serializer().serialize(topic, sample)));
      }
    }
    if (invalid != null && samples.isEmpty()) {
      throw invalid;
    }
    if (invalid != null) {
      progress.accept(
          "record %s embedded without its invalid label: %s".formatted(id, invalid.getMessage()));
    }
    return samples;
  }
}
