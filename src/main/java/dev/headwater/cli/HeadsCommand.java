package dev.headwater.cli;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.adapt.Relabelling;
import dev.headwater.bundle.Task;
import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadPublisher.VersionTakenException;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "heads",
    mixinStandardHelpOptions = true,
    description = "Lists, promotes, pins, rolls back and exports head versions.")
final class HeadsCommand {
  private static final String VERSION = "Head version, as printed by 'heads list'.";
  private static final BiPredicate<HeadLog, String> UNPINNED = (log, task) -> false;

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  HeadsCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Lists the kept head versions with their verdicts, oldest first. '*' marks the live head,"
              + " 'p' that it is pinned, 'c' a canary, '?' a version that awaits approval.")
  int list(@Mixin ConfigOption config) throws Exception {
    Settings settings = config.load();
    HeadLog log = log(settings);
    for (String task : log.tasks()) {
      long live = log.liveVersion(task);
      boolean pinned = pinned(log, task);
      Optional<LivePointer.Canary> canary = log.live(task).map(LivePointer::canary);
      out()
          .printf(
              "%s: head %d is live%s%s%n",
              task,
              live,
              pinned ? " and pinned" : "",
              canary
                  .map(c -> ", head %d is the canary (share %s)".formatted(c.version(), c.share()))
                  .orElse(""));
      for (HeadInfo head : log.versions(task)) {
        boolean kept = log.hasTensors(task, head.version());
        boolean awaitsApproval =
            (manual(settings) || canary.isPresent()) && kept && awaitsApproval(log, head);
        String mark = head.version() != live ? awaitsApproval ? "? " : "  " : pinned ? "*p" : "* ";
        boolean isCanary = canary.filter(c -> c.version() == head.version()).isPresent();
        mark = isCanary ? "c " : mark;
        String missing = log.tooLarge(task, head.version()).orElse("tensors deleted");
        out().println(line(mark, head, kept || !head.verdict().accepted() ? "" : missing));
      }
    }
    if (log.tasks().isEmpty()) {
      out().println("no published heads; scorers use the head of the bundle, if it has one");
    }
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Prints one version as JSON: parent, labels, trigger, and verdict with its statistics.")
  int show(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    String task = option.of(settings.loadBundle()).name();
    HeadInfo head = info(log(settings), task, version);
    out().println(Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(head));
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Rolls back to an earlier version on every instance. Labels keep their current names. If"
              + " the live head is pinned, the restored head is pinned too.")
  int rollback(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(
        config, option, (log, task) -> compatibleVersion(log, task, version), HeadsCommand::pinned);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Promotes a version that the gate accepted: one that awaits approval (adapt.promotion:"
              + " manual), or a canary.")
  int approve(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(
        config, option, (log, task) -> requireAwaitsApproval(log, task, version), UNPINNED);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Serves an accepted version to a fixed subset of the record keys.",
        "No other head is promoted during a canary. 'heads approve' promotes the canary; a share of"
            + " 0 or 'heads rollback' ends it."
      })
  int canary(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Option(
              names = "--share",
              required = true,
              paramLabel = "S",
              description =
                  "Fraction of record keys served by the canary, in [0, 1). 0 ends the canary.")
          double share,
      @Mixin TaskOption option)
      throws Exception {
    if (share == 0) {
      return point(config, option, (log, task) -> liveBeside(log, task, version), UNPINNED);
    }
    Settings settings = config.load();
    Task of = option.of(settings.loadBundle());
    String task = of.name();
    try (HeadPublisher publisher = publisher(settings)) {
      HeadLog log = publisher.read();
      approvable(log, of, version);
      if (outdated(log, of, version).isPresent()) {
        throw new UsageException(
            ("head %d of %s uses outdated label names; 'headwater heads rollback %1$d' promotes it"
                    + " for all keys, with the current names")
                .formatted(version, task));
      }
      LivePointer live = publisher.canary(task, version, share, "cli");
      out()
          .printf(
              "head %d of %s is the canary (share %s) from epoch %d; head %d stays live%n",
              version, task, share, live.epoch(), live.version());
      return 0;
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'headwater heads list'");
    }
  }

  /** Returns the live version, if the given version is its canary. */
  private static long liveBeside(HeadLog log, Task task, long version) throws UsageException {
    return log.live(task.name())
        .filter(live -> live.canary() != null && live.canary().version() == version)
        .map(LivePointer::version)
        .orElseThrow(
            () ->
                new UsageException(
                    "head %d of %s is not a canary".formatted(version, task.name())));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Promotes a version and pins it. No head is promoted or withdrawn until 'heads unpin'.")
  int pin(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Mixin TaskOption option)
      throws Exception {
    return point(
        config, option, (log, task) -> compatibleVersion(log, task, version), (log, task) -> true);
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Removes the pin. The head stays live until another one is promoted.")
  int unpin(@Mixin ConfigOption config, @Mixin TaskOption option) throws Exception {
    return point(
        config,
        option,
        (log, task) -> {
          if (!pinned(log, task.name())) {
            throw new UsageException("no head of %s is pinned".formatted(task.name()));
          }
          return log.liveVersion(task.name());
        },
        UNPINNED);
  }

  private interface Choice {
    long version(HeadLog log, Task task) throws UsageException;
  }

  private int point(
      ConfigOption config, TaskOption option, Choice choice, BiPredicate<HeadLog, String> pin)
      throws Exception {
    Settings settings = config.load();
    Task of = option.of(settings.loadBundle());
    String task = of.name();
    try (HeadPublisher publisher = publisher(settings)) {
      HeadLog log = publisher.read();
      long version = choice.version(log, of);
      boolean pinned = pin.test(log, task);
      Optional<Head> outdated = outdated(log, of, version);
      LivePointer live =
          outdated.isPresent()
              ? publishRelabelled(publisher, log, of, outdated.get(), pinned)
              : publisher.point(task, version, pinned, "cli");
      out()
          .printf(
              "%shead %d of %s is live%s from epoch %d%n",
              outdated.isPresent() ? relabelled(version, task) + ": " : "",
              live.version(),
              task,
              live.pinned() ? " and pinned" : "",
              live.epoch());
      return 0;
    } catch (VersionTakenException e) {
      throw meanwhile(e);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'headwater heads list'");
    }
  }

  static IllegalStateException meanwhile(VersionTakenException e) {
    return new IllegalStateException(
        "version conflict: the trainer published a head at the same time; run the command again",
        e);
  }

  /** Returns the head if any of its labels has since been renamed, merged or retired. */
  private static Optional<Head> outdated(HeadLog log, Task task, long version) {
    LabelAliases aliases = log.aliases(task.name());
    return log.sound(task.name(), version)
        .filter(
            head ->
                task.open()
                    && head.info().labels().stream()
                        .anyMatch(label -> !aliases.now(label).equals(Optional.of(label))));
  }

  /** Publishes a copy with current label names: scorers predict the names stored in a head. */
  private static LivePointer publishRelabelled(
      HeadPublisher publisher, HeadLog log, Task task, Head head, boolean pinned) {
    LabelAliases aliases = log.aliases(task.name());
    Head copy =
        new Relabelling(task, aliases)
            .of(
                head,
                log.nextVersion(task.name()),
                relabelled(head.info().version(), task.name()),
                Instant.now());
    LivePointer live = publisher.relabel(aliases, copy, "cli");
    return live.pinned() == pinned
        ? live
        : publisher.point(task.name(), copy.info().version(), pinned, "cli");
  }

  private static String relabelled(long version, String task) {
    return "head %d of %s with current label names".formatted(version, task);
  }

  private static HeadInfo info(HeadLog log, String task, long version) throws UsageException {
    return log.versions(task).stream()
        .filter(info -> info.version() == version)
        .findFirst()
        .orElseThrow(() -> unknown(task, version));
  }

  private static long compatibleVersion(HeadLog log, Task task, long version)
      throws UsageException {
    requireOwn(task, info(log, task.name(), version));
    return version;
  }

  /** Fails for a head of another backbone, which every scorer would reject. */
  static void requireOwn(Task task, HeadInfo head) throws UsageException {
    if (!head.backbone().equals(task.fingerprint())) {
      throw new UsageException(
          ("head %d of %s does not match the backbone, cut or encoder of the bundle:"
                  + " expected fingerprint %s, got %s")
              .formatted(head.version(), task.name(), task.fingerprint(), head.backbone()));
    }
  }

  private static long approvable(HeadLog log, Task of, long version) throws UsageException {
    String task = of.name();
    HeadInfo head = info(log, task, version);
    requireOwn(of, head);
    String why = null;
    if (!head.verdict().accepted()) {
      why = head.verdict().describe();
    } else if (log.tooLarge(task, version).isPresent()) {
      why = log.tooLarge(task, version).get();
    } else if (!log.hasTensors(task, version)) {
      why = "its tensors have been deleted (see heads.keep)";
    } else if (pinned(log, task)) {
      why = "head %d is pinned; run 'headwater heads unpin' first".formatted(log.liveVersion(task));
    } else if (log.liveVersion(task) == version) {
      why = "it is already live";
    }
    if (why != null) {
      throw new UsageException(
          "head %d of %s cannot be approved: %s".formatted(version, task, why));
    }
    return version;
  }

  /** Requires a canary, or a version that was compared with the current live head. */
  private static long requireAwaitsApproval(HeadLog log, Task of, long version)
      throws UsageException {
    String task = of.name();
    long approvable = approvable(log, of, version);
    HeadInfo head = info(log, task, version);
    boolean isCanary =
        log.live(task).map(LivePointer::canary).filter(c -> c.version() == version).isPresent();
    if (!isCanary && !awaitsApproval(log, head)) {
      throw new UsageException(
          ("head %d of %s does not await approval: it was compared with head %d, but head %d is"
                  + " live; 'headwater heads rollback %1$d' promotes it anyway")
              .formatted(version, task, head.parent(), log.liveVersion(task)));
    }
    return approvable;
  }

  /**
   * Returns whether an accepted version is newer than the live head and was compared with it.
   * Aligned heads share as parent the last head trained with labels, so a live sibling counts too.
   */
  private static boolean awaitsApproval(HeadLog log, HeadInfo head) {
    long live = log.liveVersion(head.task());
    boolean liveIsSibling =
        log.versions(head.task()).stream()
            .filter(info -> info.version() == live)
            .anyMatch(info -> info.aligned() && head.aligned() && info.parent() == head.parent());
    return head.verdict().accepted()
        && (head.parent() == live || liveIsSibling)
        && head.version() > live;
  }

  private static boolean manual(Settings settings) {
    return settings.adapt().promotion() == AdaptSettings.Promotion.MANUAL;
  }

  private static boolean pinned(HeadLog log, String task) {
    return log.live(task).map(LivePointer::pinned).orElse(false);
  }

  static HeadPublisher publisher(Settings settings) throws ConfigException {
    settings.requireSigningKey();
    return new HeadPublisher(
        settings.kafka(), settings.topics().heads(), settings.name() + "-cli", settings.heads());
  }

  @Command(
      mixinStandardHelpOptions = true,
      description =
          "Writes backbone and head as one ONNX file that predicts the same as the scorer.")
  int export(
      @Mixin ConfigOption config,
      @Option(
              names = "--head",
              paramLabel = "VERSION",
              description = VERSION + " Default: the live head.")
          Optional<Long> version,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "FILE",
              description = "ONNX file to write. The labels are written beside it.")
          Path file,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    Task task = option.of(settings.loadBundle());
    Head head = head(task, log(settings), version);
    requireOwn(task, head.info());
    Path labels = task.export(head, file);
    out()
        .printf(
            "exported head %d of %s to %s; labels by output index: %s%n",
            head.info().version(), task.name(), file, labels);
    return 0;
  }

  private static Head head(Task task, HeadLog log, Optional<Long> requested) throws UsageException {
    long version = requested.orElseGet(() -> log.liveVersion(task.name()));
    Optional<String> tooLarge = log.tooLarge(task.name(), version);
    if (tooLarge.isPresent()) {
      throw new UsageException(tooLarge.get());
    }
    return (version == 0 ? task.head() : log.head(task.name(), version))
        .orElseThrow(() -> unknown(task.name(), version));
  }

  private static UsageException unknown(String task, long version) {
    return new UsageException(
        "task %s has no usable head %d; see 'headwater heads list'".formatted(task, version));
  }

  private static HeadLog log(Settings settings) {
    return HeadLog.read(settings.kafka(), settings.topics().heads(), settings.heads().signatures());
  }

  private static String line(String mark, HeadInfo head, String missing) {
    List<String> labels = head.labels();
    return "%s%4d  parent %-4d %s  %3d labels  %s%s"
        .formatted(
            mark,
            head.version(),
            head.parent(),
            head.createdAt(),
            labels.size(),
            head.verdict().describe(),
            missing.isEmpty() ? "" : "  (" + missing + ")");
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
