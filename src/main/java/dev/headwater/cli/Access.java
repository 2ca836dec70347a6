package dev.headwater.cli;

import dev.headwater.schema.TopicNames;
import dev.headwater.stream.labels.LabelTopology;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** The minimal Kafka ACLs for each role of a deployment. */
final class Access {

  /** A role that connects to the broker. */
  enum Role {
    /** {@code serve}. */
    SCORER,
    /** {@code train}. */
    TRAINER,
    /** {@code topics}, {@code heads}, {@code labels}, {@code review}, {@code train --from}. */
    OPERATOR,
    /** {@code rescore}. */
    RESCORER,
    /** {@code samples reembed}. */
    EMBEDDER,
    /** {@code compare}. */
    COMPARER
  }

  /**
   * The resources that the ACLs cover.
   *
   * @param name name of the deployment
   * @param rescored output topic of {@code rescore}
   * @param old topics of the deployments that are re-embedded from and compared with
   */
  record Scope(String name, TopicNames topics, String rescored, List<TopicNames> old) {}

  private final TopicNames topics;
  private final String name;
  private final Scope scope;
  private final String principal;
  private final Map<ResourcePattern, List<AccessControlEntry>> granted = new LinkedHashMap<>();

  private Access(Scope scope, String principal) {
    this.topics = scope.topics();
    this.name = scope.name();
    this.scope = scope;
    this.principal = principal;
  }

  /**
   * Returns the ACLs of a role.
   *
   * @param principal Kafka principal, such as {@code User:scorer}
   */
  static Access of(Role role, Scope scope, String principal) {
    Access access = new Access(scope, principal);
    switch (role) {
      case SCORER -> access.scorer();
      case TRAINER -> access.trainer();
      case OPERATOR -> access.operator();
      case RESCORER -> access.rescorer();
      case EMBEDDER -> access.embedder();
      case COMPARER -> access.comparer();
    }
    return access;
  }

  List<AclBinding> bindings() {
    return granted.entrySet().stream()
        .flatMap(
            resource ->
                resource.getValue().stream().map(entry -> new AclBinding(resource.getKey(), entry)))
        .toList();
  }

  /** Returns the arguments of {@code kafka-acls}, one line per resource. */
  List<String> arguments() {
    return granted.entrySet().stream()
        .map(resource -> arguments(resource.getKey(), resource.getValue()))
        .toList();
  }

  private void scorer() {
    topics.records().forEach(topic -> topic(topic, AclOperation.READ));
    topic(topics.heads(), AclOperation.READ);
    topic(topics.labels(), AclOperation.READ);
    Stream.of(topics.pending(), topics.labelsById())
        .forEach(topic -> topic(topic, AclOperation.READ, AclOperation.WRITE));
    Stream.of(topics.predictions(), topics.review(), topics.samples(), topics.deadLetters())
        .forEach(topic -> topic(topic, AclOperation.WRITE));
    LabelTopology.changelogs(name)
        .forEach(
            changelog ->
                allow(
                    ResourceType.TOPIC,
                    changelog,
                    AclOperation.CREATE,
                    AclOperation.READ,
                    AclOperation.WRITE,
                    AclOperation.DESCRIBE_CONFIGS));
    allow(ResourceType.GROUP, name, AclOperation.READ);
    // Kafka Streams uses transactional ids with this prefix, and so do the writers of heads;
    // without the denials a scorer could fence those writers
    grant(
        ResourceType.TRANSACTIONAL_ID,
        name + "-",
        PatternType.PREFIXED,
        AclPermissionType.ALLOW,
        AclOperation.WRITE);
    Stream.of("-trainer", "-cli")
        .forEach(
            writer ->
                grant(
                    ResourceType.TRANSACTIONAL_ID,
                    name + writer,
                    PatternType.LITERAL,
                    AclPermissionType.DENY,
                    AclOperation.WRITE));
  }

  private void trainer() {
    allTopics().forEach(topic -> topic(topic, AclOperation.DESCRIBE));
    topic(topics.samples(), AclOperation.READ);
    topic(topics.heads(), AclOperation.READ, AclOperation.WRITE);
    allow(ResourceType.TRANSACTIONAL_ID, name + "-trainer", AclOperation.WRITE);
  }

  private void operator() {
    allTopics().forEach(topic -> topic(topic, AclOperation.CREATE, AclOperation.DESCRIBE));
    topic(topics.heads(), AclOperation.READ, AclOperation.WRITE);
    topic(topics.review(), AclOperation.READ);
    topic(topics.labels(), AclOperation.READ, AclOperation.WRITE);
    topic(topics.samples(), AclOperation.WRITE);
    Stream.of("-trainer", "-cli")
        .forEach(writer -> allow(ResourceType.TRANSACTIONAL_ID, name + writer, AclOperation.WRITE));
  }

  private void rescorer() {
    rereading("-rescore-" + scope.rescored());
    topic(scope.rescored(), AclOperation.CREATE, AclOperation.WRITE);
  }

  private void embedder() {
    rereading("-reembed");
    allow(ResourceType.TOPIC, topics.samples(), AclOperation.WRITE);
    scope.old().forEach(old -> read(old.samples(), old.heads()));
  }

  private void comparer() {
    read(topics.predictions(), scope.rescored(), topics.samples(), topics.heads());
    scope.old().forEach(old -> read(old.predictions(), old.samples(), old.heads()));
  }

  /** Allows reading the records and writing results and offsets in one transaction. */
  private void rereading(String run) {
    topics.records().forEach(this::read);
    read(topics.heads());
    allow(ResourceType.GROUP, name + run, AclOperation.READ);
    allow(ResourceType.TRANSACTIONAL_ID, name + run, AclOperation.WRITE);
  }

  /** Allows reading, without access to the topic configuration. */
  private void read(String... topics) {
    Stream.of(topics).forEach(topic -> allow(ResourceType.TOPIC, topic, AclOperation.READ));
  }

  private List<String> allTopics() {
    List<String> all = new ArrayList<>(topics.records());
    all.addAll(
        List.of(
            topics.predictions(),
            topics.review(),
            topics.labels(),
            topics.pending(),
            topics.labelsById(),
            topics.samples(),
            topics.heads(),
            topics.deadLetters()));
    return all;
  }

  /** Allows the operations and DESCRIBE_CONFIGS: every role checks the topic configuration. */
  private void topic(String topic, AclOperation... operations) {
    allow(ResourceType.TOPIC, topic, operations);
    allow(ResourceType.TOPIC, topic, AclOperation.DESCRIBE_CONFIGS);
  }

  private void allow(ResourceType type, String resource, AclOperation... operations) {
    grant(type, resource, PatternType.LITERAL, AclPermissionType.ALLOW, operations);
  }

  private void grant(
      ResourceType type,
      String resource,
      PatternType pattern,
      AclPermissionType permission,
      AclOperation... operations) {
    List<AccessControlEntry> entries =
        granted.computeIfAbsent(
            new ResourcePattern(type, resource, pattern), key -> new ArrayList<>());
    for (AclOperation operation : operations) {
      AccessControlEntry entry = new AccessControlEntry(principal, "*", operation, permission);
      if (!entries.contains(entry)) {
        entries.add(entry);
      }
    }
  }

  private String arguments(ResourcePattern resource, List<AccessControlEntry> entries) {
    String permission =
        entries.get(0).permissionType() == AclPermissionType.DENY ? "deny" : "allow";
    return "--add --%s-principal '%s' %s --%s '%s'%s"
        .formatted(
            permission,
            principal,
            entries.stream()
                .map(entry -> "--operation " + camelCase(entry.operation()))
                .collect(Collectors.joining(" ")),
            resource.resourceType().name().toLowerCase(Locale.ROOT).replace('_', '-'),
            resource.name(),
            resource.patternType() == PatternType.PREFIXED
                ? " --resource-pattern-type prefixed"
                : "");
  }

  private static String camelCase(AclOperation operation) {
    return Stream.of(operation.name().split("_"))
        .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
        .collect(Collectors.joining());
  }
}
