package dev.headwater.bench;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Topics;
import dev.headwater.stream.StreamSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/**
 * A typical handwritten Kafka Streams processor, which scores one record at a time: JSON tree,
 * array or tokenizer, tensor, model run, JSON. It has as many stream threads as Headwater has
 * threads in total, and the same processing guarantee, commit interval and linger.
 */
final class Plain implements Variant, AutoCloseable {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final ManifestInput input;
  private final Network network;
  private final StreamSettings settings;
  private final int threads;
  private final OrtSession session;
  private final String output;
  private final @Nullable HuggingFaceTokenizer tokenizer;

  /**
   * Creates the processor.
   *
   * @param settings Headwater's settings, of which the general Kafka Streams settings are used
   */
  Plain(ManifestInput input, Network network, StreamSettings settings, int threads)
      throws OrtException, IOException {
    this.input = input;
    this.network = network;
    this.settings = settings;
    this.threads = threads;
    tokenizer = input.text().isEmpty() ? null : tokenizer(input);
    session = network.session(1);
    output = network.output(session);
  }

  private static HuggingFaceTokenizer tokenizer(ManifestInput input) throws IOException {
    String max = Integer.toString(input.maxTokens());
    Map<String, String> options =
        Map.of("truncation", "true", "padding", "false", "maxLength", max, "modelMaxLength", max);
    return HuggingFaceTokenizer.newInstance(input.tokenizer(), options);
  }

  @Override
  public String name() {
    return "plain";
  }

  @Override
  public AutoCloseable start(
      Topics topics, String group, Path stateDirectory, Map<String, Object> kafka) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(
            topics.records().get(0).name(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(Scoring::new)
        .to(topics.predictions().name(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    Properties properties = new Properties();
    properties.putAll(kafka);
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory.toString());
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
    properties.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        settings.guarantee().name().toLowerCase(Locale.ROOT));
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.commitInterval().toMillis());
    properties.put(
        StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG),
        settings.linger().toMillis());
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    streams.start();
    return streams::close;
  }

  @Override
  public void close() throws OrtException {
    session.close();
    if (tokenizer != null) {
      tokenizer.close();
    }
  }

  private final class Scoring extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    @Override
    public void process(Record<byte[], byte[]> record) {
      RecordMetadata source = context().recordMetadata().orElseThrow();
      try {
        JsonNode tree = MAPPER.readTree(record.value());
        float[] scores = scores(tree);
        int best = best(scores);
        ObjectNode prediction = MAPPER.createObjectNode();
        prediction.put("recordId", tree.path(input.idField()).asText());
        prediction.put("label", network.labels().get(best));
        prediction.put("confidence", confidence(scores, best));
        prediction
            .putObject("source")
            .put("topic", source.topic())
            .put("partition", source.partition())
            .put("offset", source.offset());
        context().forward(record.withValue(MAPPER.writeValueAsBytes(prediction)));
      } catch (IOException | OrtException e) {
        throw new IllegalStateException("failed to score record " + source, e);
      }
    }
  }

  private float[] scores(JsonNode record) throws OrtException {
    Map<String, OnnxTensor> tensors =
        tokenizer == null ? numbers(record) : tokens(tokenizer.encode(text(record)));
    try (OrtSession.Result result = session.run(tensors, Set.of(output))) {
      return ((float[][]) result.get(0).getValue())[0];
    } finally {
      tensors.values().forEach(OnnxTensor::close);
    }
  }

  private String text(JsonNode record) {
    return record.at(input.text()).asText();
  }

  private Map<String, OnnxTensor> numbers(JsonNode record) throws OrtException {
    float[] row;
    if (input.array()) {
      JsonNode array = record.at(input.numbers().get(0));
      row = new float[array.size()];
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) array.get(i).asDouble();
      }
    } else {
      List<String> fields = input.numbers();
      row = new float[fields.size()];
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) record.at(fields.get(i)).asDouble();
      }
    }
    String name = session.getInputNames().iterator().next();
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    return Map.of(name, OnnxTensor.createTensor(environment, new float[][] {row}));
  }

  private Map<String, OnnxTensor> tokens(Encoding encoding) throws OrtException {
    Map<String, OnnxTensor> tensors = new HashMap<>();
    for (String name : session.getInputNames()) {
      long[] row =
          switch (name) {
            case "input_ids" -> encoding.getIds();
            case "token_type_ids" -> encoding.getTypeIds();
            default -> encoding.getAttentionMask();
          };
      tensors.put(
          name, OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), new long[][] {row}));
    }
    return tensors;
  }

  private static int best(float[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    return best;
  }

  /** Returns the confidence, from probabilities or logits. */
  private static double confidence(float[] scores, int best) {
    double sum = 0;
    double exponentials = 0;
    for (float score : scores) {
      sum += score;
      exponentials += Math.exp(score - scores[best]);
    }
    return Math.abs(sum - 1) < 1e-4 ? scores[best] : 1 / exponentials;
  }
}
