package dev.headwater.cli;

import dev.headwater.GeneratedFile;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/** docs/reference/commands.md shows {@code --help} of every command. */
class CommandReferenceTest {
  @Test
  void theReferenceShowsTheHelpOfEveryCommand() throws IOException {
    StringBuilder page = new StringBuilder();
    append(page, Main.commandLine());

    new GeneratedFile(Path.of("docs", "reference", "commands.md")).endsWith(page.toString());
  }

  private static void append(StringBuilder page, CommandLine command) {
    if (!page.isEmpty()) {
      page.append('\n');
    }
    page.append("## ").append(command.getCommandSpec().qualifiedName()).append("\n\n```text\n");
    page.append(command.getUsageMessage(Ansi.OFF).stripTrailing()).append("\n```\n");
    command.getSubcommands().values().forEach(subcommand -> append(page, subcommand));
  }
}
