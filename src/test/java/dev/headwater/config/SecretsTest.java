package dev.headwater.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.types.Password;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is under {@code kafka:} reaches Kafka and nobody else. */
class SecretsTest {
  private static final String SECRET = "s3ntinel";

  @TempDir Path directory;

  @Test
  void ourVariablesAndKafkasProvidersStandSideBySide() throws Exception {
    Files.writeString(directory.resolve("store"), SECRET);
    Path properties = Files.writeString(directory.resolve("p.properties"), "user=" + SECRET);
    Settings settings =
        load(
            """
            kafka:
              bootstrap.servers: ${BROKER}
              client.id: ${CLIENT:desk}
              config.providers: dir,file,env
              config.providers.dir.class: org.apache.kafka.common.config.provider.DirectoryConfigProvider
              config.providers.file.class: org.apache.kafka.common.config.provider.FileConfigProvider
              config.providers.env.class: org.apache.kafka.common.config.provider.EnvVarConfigProvider
              security.protocol: SASL_SSL
              sasl.jaas.config: login required password="${file:%s:user}";
              ssl.key.password: ${dir:%s:store}
              ssl.keystore.password: ${env:PATH}
            """
                .formatted(properties, directory),
            Map.of("BROKER", "b1:9092"));

    for (AbstractConfig client :
        new AbstractConfig[] {
          new AdminClientConfig(settings.kafka()),
          new ConsumerConfig(deserializing(settings.kafka(), "de")),
          new ProducerConfig(deserializing(settings.kafka(), ""))
        }) {
      assertThat(client.getList("bootstrap.servers")).containsExactly("b1:9092");
      assertThat(client.getString("client.id")).isEqualTo("desk");
      assertThat(client.getPassword("sasl.jaas.config"))
          .isEqualTo(new Password("login required password=\"" + SECRET + "\";"));
      assertThat(client.getPassword("ssl.key.password")).isEqualTo(new Password(SECRET));
      assertThat(client.getPassword("ssl.keystore.password").value())
          .isEqualTo(System.getenv("PATH"));
    }
    assertThat(settings.toString()).doesNotContain(SECRET);
  }

  private static Map<String, Object> deserializing(Map<String, Object> kafka, String de) {
    Map<String, Object> config = new java.util.HashMap<>(kafka);
    for (String part : new String[] {"key", "value"}) {
      config.put(
          part + "." + de + "serializer",
          "org.apache.kafka.common.serialization.String"
              + (de.isEmpty() ? "Serializer" : "Deserializer"));
    }
    return config;
  }

  @Test
  void settingsDoNotShowWhatWasWrittenThere() throws Exception {
    Settings settings = load("kafka: {ssl.key.password: " + SECRET + "}\n", Map.of());

    assertThat(settings.kafka()).containsEntry("ssl.key.password", SECRET);
    assertThat(settings.toString()).doesNotContain(SECRET);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "kafka: {ssl.key.password: s3ntinel, : }",
        "kafka: {ssl.key.password: s3ntinel",
        "kafka:\n  ssl.key.password: s3ntinel\n bad: [",
        "kafka:\n  ssl.key.password: s3ntinel: s3ntinel",
        "kafka:\n  ssl.key.password: \"s3ntinel\\q\"",
        "kafka:\n  ssl.key.password: !s3ntinel x",
        "kafka:\n  ssl.key.password: *s3ntinel",
        "kafka:\n  ssl.key.password: @s3ntinel",
        "kafka: {ssl.key.password: 's3ntinel${NOWHERE}'}",
        "kafka: {ssl.key.password: s3ntinel}\nstream: {threads: none}",
        "kafka: {ssl.key.password: s3ntinel}\nstream: {label-wait: [}",
      })
  void noMistakeShowsWhatIsWrittenThere(String yaml) {
    Throwable mistake = catchThrowable(() -> load(yaml + "\n", Map.of()));

    assertThat(mistake).isInstanceOf(ConfigException.class).hasMessageContaining("1 problem");
    for (Throwable cause = mistake; cause != null; cause = cause.getCause()) {
      assertThat(cause).hasMessageNotContaining(SECRET);
    }
  }

  @Test
  void saysWhereTheMistakeIs() {
    assertThat(catchThrowable(() -> load("kafka:\n  ssl.key.password: *s3ntinel\n", Map.of())))
        .hasMessageContaining("line 4, column 21: invalid YAML");
    assertThat(catchThrowable(() -> load("kafka: {client.id: '${NOWHERE}'}\n", Map.of())))
        .hasMessageContaining("kafka: client.id: environment variable NOWHERE is not set");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a$b",
        "a$$b",
        "a$${b",
        "a\\b",
        "a${",
        "a${}",
        "a\\${b",
        "${vault:a:b}$${c",
        "a}b:c"
      })
  void passwordsArriveAsTheyAreWritten(String password) throws Exception {
    assertThat(load("kafka: {ssl.key.password: '%s'}\n".formatted(password), Map.of()).kafka())
        .containsEntry("ssl.key.password", password);
  }

  private Settings load(String yaml, Map<String, String> environment) throws ConfigException {
    try {
      Path file =
          Files.writeString(
              directory.resolve("config.yaml"),
              "name: desk\nbundle: {directory: /models/desk}\n" + yaml);
      return SettingsLoader.load(file, environment, Map.of());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
