package dev.headwater.replay;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Masks;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;

/** Grey pictures with a square spot each, lighter than what is around it. */
public final class Spots {
  public static final int SIDE = 20;

  private Spots() {}

  /** A network of which nothing was trained. */
  public static Bundle bundle(Path directory) throws Exception {
    return Bundles.segments(directory, SIDE, SIDE, 3);
  }

  /** Writes {@code {"id", "image", "mask", "domain"}}; every third picture is dimmer. */
  public static Path write(Path file, Masks masks, int size) throws IOException {
    Random random = new Random(5);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      byte[] mask = new byte[SIDE * SIDE];
      int top = random.nextInt(SIDE - 8);
      int left = random.nextInt(SIDE - 8);
      for (int y = top; y < top + 8; y++) {
        java.util.Arrays.fill(mask, y * SIDE + left, y * SIDE + left + 8, (byte) 1);
      }
      boolean dim = i % 3 == 2;
      lines.add(
          "{\"id\": \"s%d\", \"image\": \"%s\", \"mask\": \"%s\", \"domain\": \"%s\"}"
              .formatted(
                  i, png(mask, dim ? 60 : 20, random), masks.encode(mask), dim ? "dim" : "clear"));
    }
    return Files.write(file, lines);
  }

  private static String png(byte[] mask, int around, Random random) throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_BYTE_GRAY);
    for (int i = 0; i < mask.length; i++) {
      int grey = (mask[i] == 1 ? 200 : around) + random.nextInt(30);
      image.getRaster().setSample(i % SIDE, i / SIDE, 0, grey);
    }
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ImageIO.write(image, "png", file);
    return Base64.getEncoder().encodeToString(file.toByteArray());
  }
}
