package dev.headwater.heads;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Verdict;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a head version is and how its bytes can be told whole.
 *
 * @param chunks records the bytes are cut into; 0 where the version has no tensors, because it was
 *     refused or retired
 * @param sha256 of the bytes, hex; null without tensors
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Manifest(int chunks, long bytes, @Nullable String sha256, HeadInfo info) {

  Manifest {
    Objects.requireNonNull(info, "info");
    if (chunks < 0 || bytes < chunks || (chunks > 0) != (sha256 != null)) {
      throw new IllegalArgumentException(
          chunks + " chunks of " + bytes + " bytes with SHA-256 " + sha256 + " cannot be");
    }
  }

  /** The same head under a later verdict. */
  Manifest judged(Verdict verdict) {
    return new Manifest(chunks, bytes, sha256, info.judged(verdict));
  }

  /** A version of which only the history remains. */
  static Manifest withoutTensors(HeadInfo info) {
    return new Manifest(0, 0, null, info);
  }
}
