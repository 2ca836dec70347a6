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
        "Makes the topics of a deployment, says what is wrong with them and who needs what.")
final class TopicsCommand {
  private static final Logger log = LoggerFactory.getLogger(TopicsCommand.class);

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  TopicsCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Creates every missing topic with the right compaction, retention and partitions.")
  int create(@Mixin ConfigOption config) throws ConfigException {
    List<String> made = setup(config).create();
    made.forEach(topic -> out().println("created " + topic));
    out().println(made.isEmpty() ? "every topic is there" : made.size() + " topics created");
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Lists what is wrong with existing topics; exit code 3 if anything is.")
  int check(@Mixin ConfigOption config) throws ConfigException {
    List<String> problems = setup(config).check();
    problems.forEach(out()::println);
    out().println(problems.isEmpty() ? "every topic is right" : problems.size() + " problems");
    return problems.isEmpty() ? 0 : Main.NOT_WELL;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "The least rights each role needs, a line of arguments of kafka-acls for each resource:",
        "... topics acls --config F | xargs -L 1 kafka-acls.sh --bootstrap-server B"
      })
  int acls(
      @Mixin ConfigOption config,
      @Option(
              names = "--scorer",
              defaultValue = "User:scorer",
              paramLabel = "PRINCIPAL",
              description = "Who serves. Default: ${DEFAULT-VALUE}")
          String scorer,
      @Option(
              names = "--trainer",
              defaultValue = "User:trainer",
              paramLabel = "PRINCIPAL",
              description = "Who trains. Default: ${DEFAULT-VALUE}")
          String trainer,
      @Option(
              names = "--operator",
              defaultValue = "User:operator",
              paramLabel = "PRINCIPAL",
              description =
                  "Who runs topics, heads, labels, review and train --from. Default:"
                      + " ${DEFAULT-VALUE}")
          String operator,
      @Option(
              names = "--rescorer",
              defaultValue = "User:rescorer",
              paramLabel = "PRINCIPAL",
              description = "Who runs rescore. Default: ${DEFAULT-VALUE}")
          String rescorer,
      @Option(
              names = "--rescore-to",
              paramLabel = "TOPIC",
              description = "Where rescore writes. Default: <name>-again")
          @Nullable String rescored,
      @Option(
              names = "--embedder",
              defaultValue = "User:embedder",
              paramLabel = "PRINCIPAL",
              description = "Who runs samples reembed --old. Default: ${DEFAULT-VALUE}")
          String embedder,
      @Option(
              names = "--comparer",
              defaultValue = "User:comparer",
              paramLabel = "PRINCIPAL",
              description = "Who runs compare --with. Default: ${DEFAULT-VALUE}")
          String comparer,
      @Option(
              names = "--old",
              paramLabel = "FILE",
              description =
                  "The configuration of the deployment that is re-embedded from and compared with;"
                      + " without it, the rights on its topics are left out.")
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

  /** Warns at start of topics that will not keep what they should; a start is not held up by it. */
  static void warn(Settings settings) {
    try {
      new TopicSetup(
              TopicSetup.impatient(settings.kafka()),
              settings.topicNames(),
              settings.topicSettings())
          .check()
          .forEach(problem -> log.atWarn().log("{}; see 'headwater topics check'", problem));
    } catch (KafkaException e) {
      log.atWarn().setCause(e).log("topics were not checked at start");
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
