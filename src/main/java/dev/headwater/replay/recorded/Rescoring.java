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
 * Scores a range of the records topics again, with one fixed head per task, and writes the
 * predictions to a separate topic.
 *
 * <p>Failure contract: predictions and offsets are committed together, once per poll. An
 * interrupted run resumes exactly behind its last commit, with the same heads. Invalid records, and
 * records whose prediction exceeds the limit of the topic, are reported and counted. They are not
 * dead-lettered again.
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
   * @param scoring scoring of the same bundle
   * @param top number of labels in a prediction
   * @param chosen requested head versions by task; other tasks use the live head, or on resume the
   *     head that was live at the start of the run
   * @param progress receives a line per poll, and one per invalid record
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
   * The number of records by result.
   *
   * @param left number of offsets not read after a cancellation
   */
  public record Summary(long scored, long invalid, long left) {}

  /**
   * Scores the range.
   *
   * @param until exclusive end
   * @param resume whether to continue the last run to the same topic
   * @param to output topic, created with unlimited retention if it is missing
   * @param cancelled counted down by another thread to stop after the current poll
   * @throws IllegalArgumentException if {@code to} is a topic of the deployment, a head is not
   *     usable, or the run to resume does not exist or used other heads
   * @throws KafkaException if the broker fails; nothing of the current poll is written then
   */
  public Summary run(Bound from, Bound until, boolean resume, String to, CountDownLatch cancelled) {
    if (topics.names().contains(to)) {
      throw new IllegalArgumentException(
          "%s is a topic of the deployment; use another output topic".formatted(to));
    }
    List<String> records = topics.records().stream().map(Topic::name).toList();
    String run = of.name() + "-rescore-" + to;
    try (Relay relay = new Relay(kafka, run);
        TopicRange range = TopicRange.open(kafka, records, from, until, Optional.of(run))) {
      relay.begin();
      String heads = resume ? heads(resumed(range, to), to) : toJson(install(chosen, true));
      Limits limits = create(to);
      relay.write(List.of(), range, heads); // commits the start, so that the run can be resumed
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
            "%,d scored, %,d invalid, %,d offsets left".formatted(scored, invalid, range.left()));
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
                        ("no run to topic %s to resume, or its offsets have expired; omit --resume"
                                + " and set --from")
                            .formatted(to)));
    try {
      return heads.isEmpty() ? Map.of() : Json.MAPPER.readValue(heads, HEADS);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "invalid offset metadata of the run to topic %s".formatted(to), e);
    }
  }

  /** Installs the heads of the resumed run; older releases did not store any. */
  private String heads(Map<String, Long> previous, String to) {
    if (previous.isEmpty()) {
      return toJson(install(chosen, true));
    }
    Map<String, Long> wanted = new HashMap<>(previous);
    wanted.putAll(chosen);
    Map<String, Long> current = install(wanted, false);
    if (!current.equals(previous)) {
      throw new IllegalArgumentException(
          ("cannot resume the run to topic %s: it used heads %s, requested are %s; omit --head or"
                  + " use another output topic")
              .formatted(to, previous, current));
    }
    return toJson(current);
  }

  private Map<String, Long> install(Map<String, Long> versions, boolean others) {
    Map<String, Long> installed =
        ServedHeads.install(scoring, bundle, of.heads(), versions, others);
    progress.accept("scoring with heads " + installed);
    return installed;
  }

  private static String toJson(Map<String, Long> heads) {
    try {
      return Json.MAPPER.writeValueAsString(heads);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot serialise head versions as JSON", e);
    }
  }

  /** Creates the output topic if it is missing, and returns its size limits. */
  private Limits create(String to) {
    short replicas = topicSettings.replicationFactor();
    NewTopic topic =
        new NewTopic(
            to,
            Optional.of(topicSettings.partitions()),
            replicas < 0 ? Optional.empty() : Optional.of(replicas));
    // predictions carry the timestamps of their records: with the default retention of the broker,
    // predictions of old records would expire on arrival
    topic.configs(Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1"));
    try (Admin admin = Admin.create(kafka)) {
      String limit = config(admin, topic).get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value();
      return new Limits(Relay.maxRequestSize(kafka), Map.of(to, Integer.valueOf(limit)));
    } catch (ExecutionException e) {
      throw new KafkaException("cannot create or describe topic " + to + ": " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private Config config(Admin admin, NewTopic topic)
      throws ExecutionException, InterruptedException {
    try {
      Config created = admin.createTopics(List.of(topic)).config(topic.name()).get();
      progress.accept("created " + topic.name());
      return created;
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
      ConfigResource existing = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
      return admin.describeConfigs(List.of(existing)).values().values().iterator().next().get();
    }
  }

  private List<ProducerRecord<byte[], byte[]>> score(
      List<ConsumerRecord<byte[], byte[]>> poll, String to, Limits limits) {
    List<ProducerRecord<byte[], byte[]>> predictions = new ArrayList<>();
    List<CompletableFuture<Inference>> inferences =
        scoring.submit(poll.stream().map(ConsumerRecord::value).toList());
    for (int i = 0; i < poll.size(); i++) {
      ConsumerRecord<byte[], byte[]> record = poll.get(i);
      try {
        ProducerRecord<byte[], byte[]> prediction =
            prediction(record, scoring.await(inferences.get(i), record.value()), to);
        limits.check(to, prediction.key(), prediction.value(), prediction.headers());
        predictions.add(prediction);
      } catch (InvalidRecordException e) {
        reportInvalid(record, e.recordId(), e);
      } catch (IllegalStateException | KafkaException e) {
        throw e; // a failure of the run, not of the record
      } catch (RuntimeException e) {
        reportInvalid(record, null, e); // the model failed on this record, as in the scorer
      }
    }
    return predictions;
  }

  private void reportInvalid(ConsumerRecord<?, ?> record, @Nullable String ownId, Exception cause) {
    String id = RecordId.of(record.headers(), ownId, source(record));
    progress.accept(
        "invalid record %s at %s: %s".formatted(id, source(record), cause.getMessage()));
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
        task.checkLabel(outcome.label(), "label", id); // as in the scorer
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
