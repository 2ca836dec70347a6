package dev.headwater.cli;

import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.schema.TopicSetup;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "topics",
    mixinStandardHelpOptions = true,
    description =
        "Creates and checks the topics of a deployment, and prints the ACLs of each role.")
final class TopicsCommand {
  private static final Logger log = LoggerFactory.getLogger(TopicsCommand.class);

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  TopicsCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Creates the missing topics with the configured compaction, retention and partitions.")
  int create(@Mixin ConfigOption config) throws ConfigException {
    List<String> created = setup(config).create();
    created.forEach(topic -> out().println("created " + topic));
    out().println(created.isEmpty() ? "all topics exist" : created.size() + " topics created");
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Checks the configuration of existing topics. Exits with code 3 if there are problems.")
  int check(@Mixin ConfigOption config) throws ConfigException {
    List<String> problems = setup(config).check();
    problems.forEach(out()::println);
    out()
        .println(
            problems.isEmpty() ? "all topics are correct" : problems.size() + " problems found");
    return problems.isEmpty() ? 0 : Main.NOT_WELL;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Prints the minimal ACLs of each role, as arguments of kafka-acls, one line per resource.",
        "Usage: headwater topics acls --config FILE | xargs -L 1 kafka-acls.sh --bootstrap-server"
            + " HOST:PORT"
      })
  int acls(
      @Mixin ConfigOption config,
      @Option(
              names = "--scorer",
              defaultValue = "User:scorer",
              paramLabel = "PRINCIPAL",
              description = "Kafka principal of the scorer. Default: ${DEFAULT-VALUE}.")
          String scorer,
      @Option(
              names = "--trainer",
              defaultValue = "User:trainer",
              paramLabel = "PRINCIPAL",
              description = "Kafka principal of the trainer. Default: ${DEFAULT-VALUE}.")
          String trainer,
      @Option(
              names = "--operator",
              defaultValue = "User:operator",
              paramLabel = "PRINCIPAL",
              description =
                  "Kafka principal that runs 'topics', 'heads', 'labels', 'review' and 'train"
                      + " --from'. Default: ${DEFAULT-VALUE}.")
          String operator,
      @Option(
              names = "--rescorer",
              defaultValue = "User:rescorer",
              paramLabel = "PRINCIPAL",
              description = "Kafka principal that runs 'rescore'. Default: ${DEFAULT-VALUE}.")
          String rescorer,
      @Option(
              names = "--rescore-to",
              paramLabel = "TOPIC",
              description = "Output topic of 'rescore'. Default: <name>-again.")
          @Nullable String rescored,
      @Option(
              names = "--embedder",
              defaultValue = "User:embedder",
              paramLabel = "PRINCIPAL",
              description =
                  "Kafka principal that runs 'samples reembed'. Default: ${DEFAULT-VALUE}.")
          String embedder,
      @Option(
              names = "--comparer",
              defaultValue = "User:comparer",
              paramLabel = "PRINCIPAL",
              description = "Kafka principal that runs 'compare'. Default: ${DEFAULT-VALUE}.")
          String comparer,
      @Option(
              names = "--old",
              paramLabel = "FILE",
              description =
                  "Configuration file (YAML) of the other deployment that 'samples reembed' and"
                      + " 'compare' read. Default: no ACLs for another deployment.")
          @Nullable Path old)
      throws ConfigException {
    Settings settings = config.load(Map.of());
    Access.Scope scope =
        new Access.Scope(
            settings.name(),
            settings.topicNames(),
            rescored == null ? settings.name() + "-again" : rescored,
            old == null ? List.of() : List.of(ConfigOption.other(old).topicNames()));
    Map<Access.Role, String> principals = new EnumMap<>(Access.Role.class);
    principals.put(Access.Role.SCORER, scorer);
    principals.put(Access.Role.TRAINER, trainer);
    principals.put(Access.Role.OPERATOR, operator);
    principals.put(Access.Role.RESCORER, rescorer);
    principals.put(Access.Role.EMBEDDER, embedder);
    principals.put(Access.Role.COMPARER, comparer);
    principals.forEach(
        (role, principal) -> Access.of(role, scope, principal).arguments().forEach(out()::println));
    return 0;
  }

  /** Logs a warning for each misconfigured topic. An unreachable broker does not stop the start. */
  static void warn(Settings settings) {
    try {
      new TopicSetup(
              TopicSetup.impatient(settings.kafka()),
              settings.topicNames(),
              settings.topicSettings())
          .check()
          .forEach(problem -> log.atWarn().log("{}; see 'headwater topics check'", problem));
    } catch (KafkaException e) {
      log.atWarn().setCause(e).log("topic check failed at startup");
    }
  }

  private static TopicSetup setup(ConfigOption config) throws ConfigException {
    Settings settings = config.load();
    return new TopicSetup(settings.kafka(), settings.topicNames(), settings.topicSettings());
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
