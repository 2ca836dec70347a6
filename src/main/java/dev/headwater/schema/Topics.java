package dev.headwater.schema;

import static org.apache.kafka.common.serialization.Serdes.ByteArray;

import dev.headwater.schema.format.Formats;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.Serdes;

/**
 * Every topic of one deployment. User-written topics are read as bytes, so that nothing on them can
 * fail before it reaches the code that sends it to dead letters.
 *
 * @param records what is scored; many topics allowed
 * @param pending unlabelled samples by record id, waiting for their label
 * @param labelsById labels re-keyed by record id; same partition count as {@code pending}
 * @param heads head versions and live pointers; compacted, one partition
 * @param formats how the values of records and labels are to be read
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

  /** The topics under their configured names, all JSON to the outside. */
  public static Topics of(TopicNames names) {
    return of(names, Formats.JSON);
  }

  /** The topics under their configured names. */
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

  /** The names of all of them. */
  public Set<String> names() {
    Set<String> names = new HashSet<>();
    records.forEach(topic -> names.add(topic.name()));
    Stream.of(predictions, review, labels, pending, labelsById, samples, heads, deadLetters)
        .forEach(topic -> names.add(topic.name()));
    return names;
  }
}
