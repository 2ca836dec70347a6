package dev.headwater.schema;

import static org.apache.kafka.common.serialization.Serdes.ByteArray;

import dev.headwater.schema.format.Formats;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.Serdes;

/**
 * The topics of one deployment. Topics that users write are read as bytes, so that decoding errors
 * occur in the code that writes dead letters.
 *
 * @param records the records to score; may be several topics
 * @param pending samples by record id that wait for their label
 * @param labelsById labels re-keyed by record id; same partition count as {@code pending}
 * @param heads head versions and live pointers; compacted, one partition
 * @param formats the formats of records, labels and predictions
 */
public record Topics(
    List<Topic<byte[], byte[]>> records,
    Topic<byte[], Prediction> predictions,
    Topic<String, ReviewItem> review,
    Topic<byte[], byte[]> labels,
    Topic<String, Sample> pending,
    Topic<String, Label> labelsById,
    Topic<String, Sample> samples,
    Topic<String, byte[]> heads,
    Topic<byte[], byte[]> deadLetters,
    Formats formats) {

  /** Creates the topics with JSON as the format of all user-facing topics. */
  public static Topics of(TopicNames names) {
    return of(names, Formats.JSON);
  }

  /** Creates the topics under their configured names. */
  public static Topics of(TopicNames names, Formats formats) {
    return new Topics(
        names.records().stream().map(n -> new Topic<>(n, ByteArray(), ByteArray())).toList(),
        new Topic<>(
            names.predictions(),
            ByteArray(),
            formats.predictions(Prediction.class, new JsonSerde<>(Prediction.class))),
        new Topic<>(names.review(), Serdes.String(), new JsonSerde<>(ReviewItem.class)),
        new Topic<>(names.labels(), ByteArray(), ByteArray()),
        new Topic<>(names.pending(), Serdes.String(), new SampleSerde()),
        new Topic<>(names.labelsById(), Serdes.String(), new JsonSerde<>(Label.class)),
        new Topic<>(names.samples(), Serdes.String(), new SampleSerde()),
        new Topic<>(names.heads(), Serdes.String(), ByteArray()),
        new Topic<>(names.deadLetters(), ByteArray(), ByteArray()),
        formats);
  }

  /** Returns the names of all topics. */
  public Set<String> names() {
    Set<String> names = new HashSet<>();
    records.forEach(topic -> names.add(topic.name()));
    Stream.of(predictions, review, labels, pending, labelsById, samples, heads, deadLetters)
        .forEach(topic -> names.add(topic.name()));
    return names;
  }
}
