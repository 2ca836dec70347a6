package dev.headwater.replay.recorded;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Json;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import dev.headwater.stream.guard.EventTime;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.guard.TraceContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.jspecify.annotations.Nullable;

/**
 * Scores a range of the records topics again, under one head a task from beginning to end, and
 * writes the predictions to a topic of their own.
 *
 * <p>Failure contract: predictions and how far they reach are committed together, poll by poll, so
 * a run that ended, however it did, is gone on with exactly behind its last commit, under the heads
 * that it scored under. An invalid record, or one whose prediction the topic would not take, is
 * told and counted, and goes nowhere: it is among the dead letters already.
 */
public final class Rescoring {
  private static final TypeReference<Map<String, Long>> HEADS = new TypeReference<>() {};

  private final Deployment of;
  private final Bundle bundle;
  private final Scoring scoring;
  private final Topics topics;
  private final TopicSettings topicSettings;
  private final Map<String, Object> kafka;
  private final int top;
  private final Map<String, Long> chosen;
  private final Consumer<String> progress;

  /**
   * @param scoring of the same bundle
   * @param top how many labels a prediction names
   * @param chosen versions of heads by task; of others what is live, or was when it began
   * @param progress told a line a poll, and one for each invalid record
   */
  public Rescoring(
      Deployment of,
      Bundle bundle,
      Scoring scoring,
      TopicSettings topicSettings,
      int top,
      Map<String, Long> chosen,
      Consumer<String> progress) {
    this.of = of;
    this.bundle = bundle;
    this.scoring = scoring;
    this.topics = of.topics();
    this.topicSettings = topicSettings;
    this.kafka = of.kafka();
    this.top = top;
    this.chosen = chosen;
    this.progress = progress;
  }

  /**
   * What became of the records.
   *
   * @param left offsets of the range that were not read, because it was cancelled
   */
  public record Summary(long scored, long invalid, long left) {}

  /**
   * @param until exclusive
   * @param resume go on behind the last run to the same topic
   * @param to made where it is missing, to be kept until somebody deletes it
   * @param cancelled counted down by another thread to end it after the poll in hand
   * @throws IllegalArgumentException where {@code to} is one of the deployment's own topics, a head
   *     cannot be had, or there is no run to go on with or only under other heads
   * @throws KafkaException where the broker fails it; nothing of the poll in hand was written
   */
  public Summary run(Bound from, Bound until, boolean resume, String to, CountDownLatch cancelled) {
    if (topics.names().contains(to)) {
      throw new IllegalArgumentException(
          "%s is a topic of the deployment itself: name another".formatted(to));
    }
    List<String> records = topics.records().stream().map(Topic::name).toList();
    String run = of.name() + "-rescore-" + to;
    try (Relay relay = new Relay(kafka, run);
        TopicRange range = TopicRange.open(kafka, records, from, until, Optional.of(run))) {
      relay.begin();
      String heads = resume ? heads(resumed(range, to), to) : written(install(chosen, true));
      Limits limits = create(to);
      relay.write(List.of(), range, heads); // whatever ends it now, it has begun here
      long scored = 0;
      long invalid = 0;
      while (range.left() > 0 && cancelled.getCount() > 0) {
        List<ConsumerRecord<byte[], byte[]>> poll = range.poll();
        if (poll.isEmpty()) {
          continue;
        }
        List<ProducerRecord<byte[], byte[]>> predictions = score(poll, to, limits);
        relay.write(predictions, range, heads);
        scored += predictions.size();
        invalid += poll.size() - predictions.size();
        progress.accept(
            "%,d scored, %,d invalid, %,d to go".formatted(scored, invalid, range.left()));
      }
      return new Summary(scored, invalid, range.left());
    }
  }

  private static Map<String, Long> resumed(TopicRange range, String to) {
    String heads =
        range
            .resume()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "there is no run to %s to go on with, or its offsets have expired: leave out --resume, and say --from where to begin"
                            .formatted(to)));
    try {
      return heads.isEmpty() ? Map.of() : Json.MAPPER.readValue(heads, HEADS);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "the offsets of the run to %s are no run's".formatted(to), e);
    }
  }

  /** Under those before, whatever is live now; runs of before 1 December have not noted any. */
  private String heads(Map<String, Long> before, String to) {
    if (before.isEmpty()) {
      return written(install(chosen, true));
    }
    Map<String, Long> wanted = new HashMap<>(before);
    wanted.putAll(chosen);
    Map<String, Long> now = install(wanted, false);
    if (!now.equals(before)) {
      throw new IllegalArgumentException(
          "the run to %s scored under heads %s and would go on under %s: leave out --head, or score to another topic"
              .formatted(to, before, now));
    }
    return written(now);
  }

  private Map<String, Long> install(Map<String, Long> versions, boolean others) {
    Map<String, Long> installed =
        ServedHeads.install(scoring, bundle, of.heads(), versions, others);
    progress.accept("scoring under heads " + installed);
    return installed;
  }

  private static String written(Map<String, Long> heads) {
    try {
      return Json.MAPPER.writeValueAsString(heads);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers can be written as JSON", e);
    }
  }

  /** What the topic takes, which is made where it is missing. */
  private Limits create(String to) {
    short replicas = topicSettings.replicationFactor();
    NewTopic topic =
        new NewTopic(
            to,
            Optional.of(topicSettings.partitions()),
            replicas < 0 ? Optional.empty() : Optional.of(replicas));
    // predictions have their records' times: by the broker's retention those of old ones would
    // expire on arrival
    topic.configs(Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1"));
    try (Admin admin = Admin.create(kafka)) {
      String limit = config(admin, topic).get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value();
      return new Limits(Relay.maxRequestSize(kafka), Map.of(to, Integer.valueOf(limit)));
    } catch (ExecutionException e) {
      throw new KafkaException(
          "topic " + to + " cannot be made, or not be read how it is: " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private Config config(Admin admin, NewTopic topic)
      throws ExecutionException, InterruptedException {
    try {
      Config made = admin.createTopics(List.of(topic)).config(topic.name()).get();
      progress.accept("created " + topic.name());
      return made;
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
      ConfigResource there = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
      return admin.describeConfigs(List.of(there)).values().values().iterator().next().get();
    }
  }

  private List<ProducerRecord<byte[], byte[]>> score(
      List<ConsumerRecord<byte[], byte[]>> poll, String to, Limits limits) {
    List<ProducerRecord<byte[], byte[]>> predictions = new ArrayList<>();
    List<CompletableFuture<Inference>> begun =
        scoring.submit(poll.stream().map(ConsumerRecord::value).toList());
    for (int i = 0; i < poll.size(); i++) {
      ConsumerRecord<byte[], byte[]> record = poll.get(i);
      try {
        ProducerRecord<byte[], byte[]> prediction =
            prediction(record, scoring.await(begun.get(i), record.value()), to);
        limits.check(to, prediction.key(), prediction.value(), prediction.headers());
        predictions.add(prediction);
      } catch (InvalidRecordException e) {
        tell(record, e.recordId(), e);
      } catch (IllegalStateException | KafkaException e) {
        throw e; // the run's failure, not the record's
      } catch (RuntimeException e) {
        tell(record, null, e); // the network's own on this record, as in the stream
      }
    }
    return predictions;
  }

  private void tell(ConsumerRecord<?, ?> record, @Nullable String ownId, Exception why) {
    String id = RecordId.of(record.headers(), ownId, source(record));
    progress.accept("%s at %s is invalid: %s".formatted(id, source(record), why.getMessage()));
  }

  private ProducerRecord<byte[], byte[]> prediction(
      ConsumerRecord<byte[], byte[]> record, Inference inference, String to)
      throws InvalidRecordException {
    Source source = source(record);
    String id = RecordId.of(record.headers(), inference.recordId(), source);
    long time = EventTime.of(record.timestamp(), System.currentTimeMillis());
    List<TaskPrediction> tasks = new ArrayList<>();
    for (int i = 0; i < bundle.tasks().size(); i++) {
      Task task = bundle.tasks().get(i);
      Outcome outcome =
          Outcome.of(inference, i, scoring.score(inference, i), Measure.MAX_PROBABILITY, top);
      if (outcome.label() != null) {
        task.checkLabel(outcome.label(), "label", id); // as in the stream
      }
      tasks.add(outcome.prediction(task.name(), task.masks().orElse(null)));
    }
    Prediction prediction = Prediction.of(id, source, tasks);
    return new ProducerRecord<>(
        to,
        null,
        time,
        record.key(),
        topics.predictions().value().serializer().serialize(to, prediction),
        prediction.headers(TraceContext.of(record.headers())));
  }

  private static Source source(ConsumerRecord<?, ?> record) {
    return new Source(record.topic(), record.partition(), record.offset());
  }
}
