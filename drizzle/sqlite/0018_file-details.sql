ALTER TABLE `contact_imports` ADD `format` text;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `options` text;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `preview` text;--> statement-breakpoint
ALTER TABLE `contact_imports` ADD `warnings` text;--> statement-breakpoint
ALTER TABLE `media` ADD `details` text;