package dev.headwater.deploy;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * One class at a time, of all the processes that test: a dozen containers at once starve each other
 * until none is healthy in time.
 */
final class EngineLock implements BeforeAllCallback, AfterAllCallback {
  private FileChannel channel;

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    channel = FileChannel.open(Path.of("target", "engine.lock"), CREATE, WRITE);
    channel.lock();
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    channel.close();
  }
}
