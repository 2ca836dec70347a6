package dev.headwater.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.gate.Metric;
import dev.headwater.heads.HeadSettings;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.format.Format;
import dev.headwater.scoring.Measure;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.selection.Selection;
import io.smallrye.config.common.utils.StringUtil;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SettingsLoaderTest {
  private static final String MINIMAL =
      """
      name: desk
      bundle: {directory: /models/desk}
      """;

  @TempDir Path directory;

  @Test
  void defaultsAreThoseOfTheSettingsThemselves() throws Exception {
    Settings settings = load(MINIMAL);

    assertThat(settings.topicNames()).isEqualTo(TopicNames.prefixed("desk"));
    assertThat(settings.manifest()).isEqualTo(Path.of("/models/desk/headwater.yaml"));
    assertThat(settings.adapt()).isEqualTo(AdaptSettings.of("desk-trainer"));
    assertThat(settings.gates()).isEqualTo(new Gates(GateSettings.DEFAULT));
    assertThat(settings.heads()).isEqualTo(HeadSettings.DEFAULT);
    assertThat(settings.stream())
        .isEqualTo(StreamSettings.of("desk", Path.of("state"), settings.stream().selection()));
    assertThat(settings.scorerHttp().host()).as("loopback unless told").isEqualTo("127.0.0.1");
  }

  @Test
  void readsEveryKind() throws Exception {
    Settings settings =
        load(
            MINIMAL
                + """
                topics: {records: [a, b], predictions: out, partitions: 8, samples-retention: 7d}
                stream: {guarantee: at-least-once, group-protocol: streams, label-wait: 36h}
                selection: {threshold: 0.8, audit-share: 0.1, near-duplicate-distance: 0, budget: 1, max-rate: 2500}
                adapt: {device: cpu, trigger-interval: 250ms, promotion: manual}
                gate:
                  metric: cost
                  costs: {"card fraud>ok": 50, "a.b>c": 2}
                  recall-floor: {card fraud: 0.8}
                """);

    assertThat(settings.topicNames().records()).containsExactly("a", "b");
    assertThat(settings.topicNames().predictions()).isEqualTo("out");
    assertThat(settings.topicSettings().samplesRetention()).isEqualTo(Duration.ofDays(7));
    assertThat(settings.stream().guarantee()).isEqualTo(StreamSettings.Guarantee.AT_LEAST_ONCE);
    assertThat(settings.stream().protocol()).isEqualTo(StreamSettings.Protocol.STREAMS);
    assertThat(settings.stream().labelWait()).isEqualTo(Duration.ofHours(36));
    assertThat(settings.stream().selection())
        .isEqualTo(
            new Selection(0.1, 0.8, Measure.MAX_PROBABILITY, 0, Optional.empty(), 2500, Map.of()));
    assertThat(settings.adapt().interval()).isEqualTo(Duration.ofMillis(250));
    assertThat(settings.adapt().promotion()).isEqualTo(AdaptSettings.Promotion.MANUAL);
    assertThat(settings.gates().general().metric()).isEqualTo(Metric.COST);
    assertThat(settings.gates().general().costs())
        .isEqualTo(Map.of("card fraud>ok", 50.0, "a.b>c", 2.0));
    assertThat(settings.gates().general().recallFloor()).isEqualTo(Map.of("card fraud", .8));
  }

  @Test
  void aTaskHasItsOwnThresholdAndGateWhereItSaysSo() throws Exception {
    Settings settings =
        load(
            MINIMAL
                + """
                selection: {threshold: 0.9}
                gate: {margin: 0.02, recall-floor: {fraud: 0.8}}
                tasks:
                  intent: {selection: {threshold: 0.5, measure: margin}}
                  domain: {gate: {metric: macro-f1, class-loss: 0.2}}
                """);

    Selection selection = settings.stream().selection();
    assertThat(selection.lowConfidence("intent"))
        .isEqualTo(new Selection.LowConfidence(.5, Measure.MARGIN));
    assertThat(selection.lowConfidence("domain"))
        .isEqualTo(selection.lowConfidence("any other"))
        .isEqualTo(new Selection.LowConfidence(.9, Measure.MAX_PROBABILITY));
    assertThat(settings.gates().of("intent"))
        .isEqualTo(settings.gates().of("any other"))
        .isEqualTo(settings.gates().general());
    assertThat(settings.gates().of("domain"))
        .isEqualTo(
            new GateSettings(.15, .02, .2, 20, 10, Metric.MACRO_F1, Map.of(), Map.of("fraud", .8)));
  }

  @Test
  void reportsWhatIsWrongWithATaskUnderItsKey() {
    assertThatThrownBy(
            () ->
                load(
                    MINIMAL
                        + """
                        tasks:
                          intent: {gate: {significance-level: 0.9}, selection: {treshold: 0.5}}
                          domain: {gate: {costs: {"a>b": 2}}}
                        """))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("tasks.intent.selection.treshold: unknown configuration key");
    assertThatThrownBy(
            () ->
                load(
                    MINIMAL
                        + """
                        tasks:
                          intent: {gate: {significance-level: 0.9}}
                          domain: {gate: {costs: {"a>b": 2}}}
                        """))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("2 problems in ")
        .hasMessageContaining("tasks.intent.gate: gate significance level")
        .hasMessageContaining("tasks.domain.gate: gate costs require the metric cost");
  }

  @Test
  void aTaskThatTheBundleDoesNotHaveIsAProblem() throws Exception {
    Path bundle = Files.createDirectories(directory.resolve("bundle"));
    Bundles.tabular(bundle, 2, 2);
    Settings settings =
        load(
            "name: desk\nbundle: {directory: %s}\ntasks: {kind: {gate: {margin: 0.2}}, shade: {gate: {margin: 0.1}}}\n"
                .formatted(bundle));

    assertThatThrownBy(settings::loadBundle)
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining("tasks.shade: unknown task; tasks of the bundle: [kind]");
  }

  @Test
  void aGateKnowsTheLabelsOfAClosedSet() throws Exception {
    Bundles.tabular(directory, 2, 2, "open: false");
    String gate =
        "gate: {metric: cost, costs: {\"label-0>label-1\": 2, \"label-0>no\": 3}, recall-floor: {label-0: 0.8, nil: 0.5}}\n";

    assertThatThrownBy(() -> bundle(gate))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("2 problems in ")
        .hasMessageContaining("gate.costs: label-0>no is not in the closed label set")
        .hasMessageContaining("gate.recall-floor: nil is not in the closed label set");
    assertThatThrownBy(() -> bundle("tasks: {kind: {gate: {recall-floor: {nil: 0.5}}}}\n"))
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining("tasks.kind.gate.recall-floor: nil is not");
    Bundles.tabular(directory, 2, 2);
    bundle(gate);
  }

  @Test
  void whatTheGateAsksOfLabelsIsOfTasksThatTellOne() throws Exception {
    String gate = "gate: {margin: 0.2, metric: macro-f1, recall-floor: {label-0: 0.8}}\n";
    Bundles.segments(directory, 2, 3, List.of("dark", "light"));
    assertThatThrownBy(() -> bundle(gate))
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining(
            "gate: metric and recall-floor apply only to single-label classification tasks");

    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 16, 2));
    Files.writeString(directory.resolve("labels.json"), "[\"label-0\", \"label-1\"]");
    Files.writeString(
        directory.resolve("headwater.yaml"),
        """
        name: two
        model: model.onnx
        tasks:
          - {name: kind, labels: labels.json}
          - {name: size, head: none, kind: regression}
        input: {id: /id, numbers: /x}
        """);
    Settings settings = load(deployed(gate));
    Gates gates = settings.gates(settings.loadBundle());
    assertThat(gates.of("kind")).isEqualTo(settings.gates().general());
    assertThat(gates.of("size"))
        .isEqualTo(new GateSettings(.15, .2, .1, 20, 10, Metric.ACCURACY, Map.of(), Map.of()));
    assertThatThrownBy(() -> bundle("tasks: {size: {gate: {metric: macro-f1}}}\n"))
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining("tasks.size.gate: metric and recall-floor");
  }

  private Bundle bundle(String more) throws Exception {
    return load(deployed(more)).loadBundle();
  }

  private String deployed(String more) {
    return "name: desk\nbundle: {directory: %s}\n%s".formatted(directory, more);
  }

  @Test
  void aMistakeUnderAKeyWithABlankIsToldLikeAnyOther() {
    assertThatThrownBy(() -> load(MINIMAL + "gate: {recall-floor: {card fraud: abc}}\n"))
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining("gate.recall-floor.")
        .hasMessageContaining("card fraud")
        .hasMessageNotContaining("SRCFG");
  }

  @Test
  void whoNeedsABrokerIsToldWhichKeyIsMissing() throws Exception {
    assertThatThrownBy(load(MINIMAL)::requireBroker)
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("kafka.bootstrap.servers: required, but not set");
    load(MINIMAL + "kafka: {bootstrap.servers: 'a:1'}").requireBroker();
  }

  @Test
  void reportsAllThreeMistakesAtOnceWithTheirKeys() {
    assertThatThrownBy(
            () ->
                load(
                    """
                    name: desk
                    bundle: {directory: /models/desk}
                    stream: {label-wait: soon, threds: 2}
                    selection: {audit-share: 1.5}
                    """))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("3 problems in ")
        .hasMessageContaining("stream.label-wait: invalid value 'soon', expected a duration")
        .hasMessageContaining("stream.threds: unknown configuration key")
        .hasMessageContaining(
            "selection.audit-share: invalid value '1.5', expected a number from 0 to 1");
  }

  @Test
  void aPageIsAtAWebAddress() throws Exception {
    assertThat(load(MINIMAL + "http: {trainer: 'https://trainer:8081'}").trainerPage())
        .contains(URI.create("https://trainer:8081"));
    for (String wrong :
        List.of(
            "trainer:8081",
            "ftp://trainer",
            "http://tr ainer",
            "http:///page",
            "http://trainer/page",
            "http://trainer?a=b")) {
      assertThatThrownBy(() -> load(MINIMAL + "http: {trainer: '" + wrong + "'}"))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("http.trainer: invalid value '" + wrong + "', expected a base URL");
    }
    assertThatThrownBy(() -> load(MINIMAL + "http: {trainer: 'http://me:secret@trainer:8081'}"))
        .hasMessageContaining("http.trainer: the URL must not contain user info")
        .hasMessageNotContaining("secret");
  }

  @Test
  void reportsWhatASectionGetsWrongBesideKeysThatAreWrong() {
    assertThatThrownBy(
            () ->
                SettingsLoader.load(
                    file(
                        """
                        bundle: {directory: /models/desk}
                        stream: {threads: none}
                        selection: {budget: 0.1, audit-share: 0.2}
                        topics: {labels: same, review: same}
                        kafka: {sasl.jaas.config: "${LOGIN} ${SECRET}", client.rack: "${RACK}"}
                        """),
                    Map.of("HEADWATER_ADAPT_THREADS", "0"),
                    Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("5 problems in ")
        .hasMessageContaining("name: required, but not set")
        .hasMessageContaining("stream.threads: invalid value 'none', expected an integer")
        .hasMessageContaining("adapt.threads: invalid value '0', expected an integer of at least 1")
        .hasMessageContaining("selection: ")
        .hasMessageContaining("variable LOGIN")
        .hasMessageContaining("variable SECRET")
        .hasMessageContaining("client.rack: environment variable RACK is not set");
  }

  @Test
  void aSectionIsNotBlamedForAKeyThatIsWrong() {
    assertThatThrownBy(() -> load(MINIMAL + "selection: {budget: half, audit-share: 0.2}\n"))
        .hasMessageStartingWith("1 problem in ")
        .hasMessageContaining("selection.budget: ");
  }

  @Test
  void reportsTopicsThatCannotBe() {
    assertThatThrownBy(() -> load(MINIMAL + "topics: {labels: same, heads: same}"))
        .hasMessageContaining("topics: topic name 'same' is used twice");
    assertThatThrownBy(() -> load(MINIMAL + "topics: {records: [in, 'in put']}"))
        .hasMessageContaining("topics: invalid topic name 'in put'");
    assertThatThrownBy(() -> load("name: my desk\nbundle: {directory: /models/desk}"))
        .hasMessageContaining("topics: invalid topic name 'my desk-records'");
  }

  @Test
  void reportsSectionsAndListsInWrongPlaces() {
    assertThatThrownBy(
            () ->
                load(
                    """
                    name: [desk]
                    bundle: {directory: /models/desk}
                    stream: 5
                    topics: {records: [{in: 1}]}
                    gate: [{margin: 0.1}]
                    """))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("4 problems in ")
        .hasMessageContaining("name: expected a single value, got a list")
        .hasMessageContaining("stream: expected a section")
        .hasMessageContaining("topics.records: expected a list of plain values")
        .hasMessageContaining("gate: expected a section");
  }

  @Test
  void reportsAKeyThatIsGivenTwice() {
    assertThatThrownBy(() -> load(MINIMAL + "stream: {threads: 1}\nstream: {top-k: 2}\n"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("line 4, column 1: found duplicate key stream");
  }

  @Test
  void whatIsNeitherYesNorNoIsNotANo() throws Exception {
    assertThat(load(MINIMAL + "replay: {adapt: off}").replay().adapt()).isFalse();
    assertThatThrownBy(() -> load(MINIMAL + "scoring: {compare-frozen: ture}"))
        .hasMessageContaining(
            "scoring.compare-frozen: invalid value 'ture', expected true or false");
  }

  @Test
  void aStaticMemberIsNotForTheBrokersProtocol() throws Exception {
    String fixed = MINIMAL + "kafka: {group.instance.id: one}\n";

    assertThat(load(fixed).kafka()).containsKey("group.instance.id");
    assertThatThrownBy(() -> load(fixed + "stream: {group-protocol: streams}"))
        .hasMessageContaining("kafka: group.instance.id requires stream.group-protocol classic");
  }

  @Test
  void aSectionsProblemsAreUnderItsOwnKey() {
    assertThatThrownBy(
            () ->
                load(
                    MINIMAL
                        + """
                        drift: {short-window: 50}
                        formats: {records: avro}
                        registry: {basic.auth.user.info: me}
                        """))
        .hasMessageStartingWith("2 problems in ")
        .hasMessageContaining("drift: ")
        .hasMessageContaining("registry: ");
  }

  @Test
  void anotherDeploymentsFileUsesVariablesThatMayNotOverrideItsKeys() throws Exception {
    Settings other =
        SettingsLoader.other(
            file(
                """
                name: x
                bundle: {directory: '${HEADWATER_DATA}/x'}
                stream: {top-k: 5}
                kafka: {bootstrap.servers: "there:1"}
                """),
            Map.of(
                "HEADWATER_DATA", "/data",
                "HEADWATER_STREAM_TOP_K", "7",
                "HEADWATER_KAFKA_BOOTSTRAP_SERVERS", "here:1",
                "HEADWATER_KAFKA_SECURITY_PROTOCOL", "SSL"),
            name -> name.startsWith("HEADWATER_KAFKA_"));

    assertThat(other.bundleDirectory()).isEqualTo(Path.of("/data/x"));
    assertThat(other.stream().topK()).isEqualTo(5);
    assertThat(other.kafka())
        .as("another cluster's file says so")
        .containsOnly(
            Map.entry("bootstrap.servers", "there:1"), Map.entry("security.protocol", "SSL"));
  }

  @Test
  void reportsATimeBeyondAnyUse() {
    assertThatThrownBy(() -> load(MINIMAL + "stream: {label-wait: 999999999999d}"))
        .hasMessageContaining(
            "stream.label-wait: invalid value '999999999999d', expected at most 36525d");
  }

  @Test
  void tellsVariablesThatLookLikeKeysFromThoseThatAre() {
    assertThat(
            Keys.strayVariables(
                Set.of(
                    "HOME",
                    "HEADWATER_STREM_THREADS",
                    "HEADWATER_STREAM_THREADS",
                    "HEADWATER_TOPICS_RECORDS_0_",
                    "HEADWATER_TASKS_INTENT_GATE_MARGIN",
                    "HEADWATER_GATE_COSTS__A_B_",
                    "HEADWATER_KAFKA_SECURITY_PROTOCOL",
                    "HEADWATER_DATA",
                    "HEADWATER_EXTRA",
                    "HEADWATER_SCORER_SERVICE_HOST",
                    "HEADWATER_PORT_8080_TCP_ADDR"),
                "bundle: {directory: '${HEADWATER_DATA}/desk'}"))
        .containsExactly("HEADWATER_EXTRA", "HEADWATER_STREM_THREADS");
  }

  @Test
  void reportsWhatIsMissing() {
    assertThatThrownBy(() -> load("kafka: {bootstrap.servers: a:1}"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("name: required, but not set")
        .hasMessageContaining("bundle.directory: required, but not set");
  }

  @Test
  void reportsWhatOnlyTwoKeysTogetherGetWrong() {
    assertThatThrownBy(
            () -> load(MINIMAL + "selection: {budget: 0.1, audit-share: 0.2}\nadapt: {folds: 1}\n"))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("2 problems in ")
        .hasMessageContaining("selection: budget must exceed audit-share, got 0.1 and 0.2")
        .hasMessageContaining("adapt: folds must be");
  }

  @Test
  void everyKeyIsAlsoAnEnvironmentVariable() throws Exception {
    Settings settings =
        SettingsLoader.load(
            file(MINIMAL + "stream: {label-wait: 1h}\n"),
            Map.of(
                "HEADWATER_STREAM_LABEL_WAIT", "2h",
                "HEADWATER_TOPICS_LABELS_BY_ID", "elsewhere",
                "HEADWATER_KAFKA_SECURITY_PROTOCOL", "SSL"),
            Map.of());

    assertThat(settings.stream().labelWait()).isEqualTo(Duration.ofHours(2));
    assertThat(settings.topicNames().labelsById()).isEqualTo("elsewhere");
    assertThat(settings.kafka()).containsEntry("security.protocol", "SSL");
  }

  /** In a file they are keys with dots, which a variable cannot tell from steps. */
  @Test
  void aVariableOverridesEveryPropertyOfKafkaThatTheFileHas() throws Exception {
    Map<String, String> variables =
        Map.of(
            "HEADWATER_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT",
            "HEADWATER_KAFKA_BOOTSTRAP_SERVERS", "here:1",
            "HEADWATER_KAFKA_LINGER_MS", "7",
            "HEADWATER_KAFKA_CLIENT_ID", "c");
    Settings settings =
        SettingsLoader.load(
            file(
                MINIMAL
                    + """
                    kafka:
                      security.protocol: ${NOT_SET}
                      bootstrap.servers: "there:1"
                      linger.ms: 3
                      client: {id: d}
                    """),
            variables,
            Map.of());

    assertThat(settings.kafka())
        .containsOnly(
            Map.entry("security.protocol", "PLAINTEXT"),
            Map.entry("bootstrap.servers", "here:1"),
            Map.entry("linger.ms", "7"),
            Map.entry("client.id", "c"));
  }

  @Test
  void theCommandLineCountsMost() throws Exception {
    Settings settings =
        SettingsLoader.load(
            file(MINIMAL + "replay: {rate: 10}\n"),
            Map.of("HEADWATER_REPLAY_RATE", "20"),
            Map.of("replay.rate", "30"));

    assertThat(settings.replay().rate()).isEqualTo(30);
  }

  @Test
  void aReplayMayTellDomainsApart() throws Exception {
    Settings settings = load(MINIMAL + "replay: {domain-field: site}\n");

    assertThat(settings.replay().domainField()).contains("site");
  }

  @Test
  void kafkaPropertiesPassThroughUnderTheirOwnNames() throws Exception {
    Settings settings =
        SettingsLoader.load(
            file(
                MINIMAL
                    + """
                    kafka:
                      bootstrap.servers: ${BROKERS}
                      client.rack: ${RACK:north}
                      sasl.jaas.config: ${file:/run/secrets/kafka:jaas}
                      main.consumer.max.poll.records: 500
                    """),
            Map.of("BROKERS", "b1:9092,b2:9092"),
            Map.of());

    assertThat(settings.kafka())
        .containsEntry("bootstrap.servers", "b1:9092,b2:9092")
        .containsEntry("client.rack", "north")
        .containsEntry("sasl.jaas.config", "${file:/run/secrets/kafka:jaas}")
        .containsEntry("main.consumer.max.poll.records", "500");
  }

  @Test
  void avroNeedsARegistryWhosePropertiesPassThrough() throws Exception {
    Settings settings =
        SettingsLoader.load(
            file(
                MINIMAL
                    + """
                    formats: {records: avro}
                    registry: {url: "http://localhost:8081", basic.auth.user.info: "${LOGIN}"}
                    """),
            Map.of("LOGIN", "me:secret", "HEADWATER_FORMATS_LABELS", "avro"),
            Map.of());

    assertThat(settings.topics().formats().records().format()).isEqualTo(Format.AVRO);
    assertThat(settings.topics().formats().labels().format()).isEqualTo(Format.AVRO);
    assertThat(load(MINIMAL).topics().formats().records().format()).isEqualTo(Format.JSON);
    assertThatThrownBy(() -> load(MINIMAL + "formats: {predictions: avro}"))
        .hasMessageContaining("formats: format avro needs a schema registry: set registry.url");
    assertThatThrownBy(() -> load(MINIMAL + "formats: {labels: avro}\nregistry: {url: localhost}"))
        .hasMessageContaining("registry: url must start with http:// or https://");
  }

  @Test
  void aValueTakenWholeCannotBeAvro() throws Exception {
    Bundles.text(directory, 4, 3);
    Files.writeString(
        directory.resolve("headwater.yaml"),
        """
        name: words
        task: intent
        model: model.onnx
        labels: labels.json
        input: {format: text, tokenizer: tokenizer.json}
        """);
    Settings settings =
        load(
            "name: desk\nbundle: {directory: %s}\nformats: {records: avro}\nregistry: {url: 'http://a'}"
                .formatted(directory));

    assertThatThrownBy(settings::loadBundle)
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("formats.records: avro requires a bundle that reads fields");
  }

  @Test
  void namesTheVariableThatIsNotSet() {
    assertThatThrownBy(() -> load("name: x\nbundle: {directory: '${HEADWATER_DATA}/x'}\n"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("bundle.directory: environment variable HEADWATER_DATA is not set");
  }

  @Test
  void saysWhenAFileIsNoText() throws Exception {
    Path file = Files.write(directory.resolve("c.yaml"), new byte[] {(byte) 0xff, (byte) 0xfe});

    assertThatThrownBy(() -> SettingsLoader.load(file, Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("the file is not UTF-8");
  }

  @Test
  void saysWhenThereIsNoFile() {
    assertThatThrownBy(
            () -> SettingsLoader.load(directory.resolve("none.yaml"), Map.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("file not found");
  }

  @ParameterizedTest
  @MethodSource("examples")
  void theShippedExamplesAreRight(Path example) throws Exception {
    Settings settings = SettingsLoader.load(example, Map.of("HEADWATER_DATA", "/data"), Map.of());

    assertThat(settings.replay().stream()).isPresent();
    assertThat(settings.replay().rate()).isGreaterThanOrEqualTo(1);
    assertThat(settings.manifest()).exists();
  }

  @Test
  void theReferenceNamesEveryKeyAndEveryDefault() throws Exception {
    Path reference = Path.of("deploy/reference.yaml");
    String text = Files.readString(reference).replace("# ", "");
    for (String key : keys(RawConfig.class)) {
      assertThat(text).containsPattern("(?m)^ *" + key + ":");
    }

    Settings shown =
        SettingsLoader.load(reference, Map.of("HEADWATER_SCORING_THREADS", "3"), Map.of());
    Settings bare =
        load("name: example\nbundle: {directory: /models/example}\nscoring: {threads: 3}\n");
    assertThat(shown)
        .usingRecursiveComparison()
        .ignoringFields("file", "kafka", "replay.stream", "history")
        .isEqualTo(bare);
  }

  private static List<String> keys(Class<?> section) {
    return Arrays.stream(section.getMethods())
        .flatMap(
            key ->
                Stream.concat(
                    Stream.of(StringUtil.skewer(key.getName())),
                    key.getReturnType().getPackage() == RawConfig.class.getPackage()
                        ? keys(key.getReturnType()).stream()
                        : Stream.empty()))
        .toList();
  }

  static List<Path> examples() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("deploy/examples"))) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  private Settings load(String yaml) throws Exception {
    return SettingsLoader.load(file(yaml), Map.of(), Map.of());
  }

  private Path file(String yaml) throws IOException {
    return Files.writeString(directory.resolve("config.yaml"), yaml);
  }
}
