package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.GeneratedFile;
import dev.headwater.schema.TopicNames;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.acl.AclOperation;
import org.junit.jupiter.api.Test;

class AccessTest {
  private static final TopicNames NAMES = TopicNames.prefixed("example");
  private static final Map<Access.Role, String> PRINCIPALS =
      Map.of(
          Access.Role.SCORER, "User:CN=scorer",
          Access.Role.TRAINER, "User:trainer",
          Access.Role.OPERATOR, "User:CN=ops",
          Access.Role.RESCORER, "User:rescorer",
          Access.Role.EMBEDDER, "User:embedder",
          Access.Role.COMPARER, "User:comparer");

  @Test
  void theDocumentShowsEveryRight() throws IOException {
    String list =
        Stream.of(Access.Role.values())
            .flatMap(role -> access(role).arguments().stream())
            .collect(Collectors.joining("\n"));

    new GeneratedFile(Path.of("docs/reference/acls.md")).endsWith("```text\n" + list + "\n```\n");
  }

  @Test
  void onlyTrainerAndOperatorWriteHeads() {
    assertThat(writers(NAMES.heads())).containsExactly(Access.Role.TRAINER, Access.Role.OPERATOR);
    assertThat(writers(NAMES.predictions())).containsExactly(Access.Role.SCORER);
    assertThat(writers(NAMES.records().get(0))).isEmpty();
  }

  private static List<Access.Role> writers(String topic) {
    return Stream.of(Access.Role.values())
        .filter(
            role ->
                access(role).bindings().stream()
                    .anyMatch(
                        acl ->
                            acl.pattern().name().equals(topic)
                                && acl.entry().operation() == AclOperation.WRITE))
        .toList();
  }

  private static Access access(Access.Role role) {
    Access.Scope scope =
        new Access.Scope(
            "example", NAMES, "example-again", List.of(TopicNames.prefixed("example-old")));
    return Access.of(role, scope, PRINCIPALS.get(role));
  }
}
