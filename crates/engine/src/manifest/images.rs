//! Container images that an object names.

use serde_json::Value;

use super::object::Manifest;

/// Images of a pod, of a pod template, and of a job's template inside a cron job: in order, each once.
pub fn images(manifest: &Manifest) -> Vec<String> {
    let mut images = Vec::new();
    collect(manifest.value().get("spec"), &mut images);
    images
}

fn collect(spec: Option<&Value>, images: &mut Vec<String>) {
    let Some(spec) = spec else { return };
    for list in ["initContainers", "containers"] {
        let containers = spec.get(list).and_then(Value::as_array).into_iter().flatten();
        for image in containers.filter_map(|container| container.get("image")?.as_str()) {
            if !images.iter().any(|known| known == image) {
                images.push(image.to_owned());
            }
        }
    }
    collect(spec.pointer("/template/spec"), images);
    collect(spec.pointer("/jobTemplate/spec"), images);
}
